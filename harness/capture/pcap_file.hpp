// Reads what libpcap reads, which is every kind of pcap, and pcapng of a single link type and
// snapshot length.
#pragma once

#include <memory>

#include <lossy/harness/capture/capture_format.hpp>

struct pcap;  // libpcap's pcap_t, which nobody else needs to see.

namespace lossy {

class PcapFile final : public CaptureFormat {
 public:
  using CaptureFormat::CaptureFormat;

  bool begin() override;
  bool next(CaptureRecord& record) override;

 private:
  struct CloseHandle {
    void operator()(pcap* handle) const;
  };

  void forget_snapshot_length();

  std::unique_ptr<char[]> buffer_;  // Of the handle's stream, which is closed before it goes.
  std::unique_ptr<pcap, CloseHandle> handle_;
  int link_type_ = 0;
};

}  // namespace lossy
