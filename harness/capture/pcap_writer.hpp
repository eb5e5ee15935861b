// Writes frames to a capture file: classic pcap, nanosecond timestamps, link type LINUX_SLL2.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "harness/capture/new_file.hpp"
#include "harness/capture/recorder.hpp"

struct pcap;         // libpcap's pcap_t, which nobody else needs to see.
struct pcap_dumper;  // libpcap's pcap_dumper_t.

namespace lossy {

// The file has its name only after finish(); without it nothing is left behind (see NewFile).
// Instant{} is 1970-01-01T00:00:00Z. Times that a capture cannot hold (before 1970, after 2106) and
// the operating system's refusals, now or while writing, are thrown as std::system_error.
class PcapWriter final : public FrameSink {
 public:
  explicit PcapWriter(const std::string& path);
  ~PcapWriter() override;

  void write(Instant time, std::span<const std::byte> frame) override;
  void finish() override;

 private:
  [[noreturn]] void refuse(int error) const;

  struct CloseHandle {
    void operator()(pcap* handle) const;
  };
  struct CloseDumper {
    void operator()(pcap_dumper* dumper) const;
  };

  NewFile file_;
  std::vector<char> buffer_;  // Of the stream, which is closed before it goes.
  std::unique_ptr<pcap, CloseHandle> handle_;
  std::FILE* stream_ = nullptr;  // The dumper's.
  std::unique_ptr<pcap_dumper, CloseDumper> dumper_;
};

}  // namespace lossy
