// Writes frames to a capture file: classic pcap, little-endian on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/capture/capture_record.hpp"
#include "harness/capture/new_file.hpp"

namespace lossy {

struct PcapFormat {
  int link_type = kLinkTypeLinuxSll2;
  bool nanoseconds = true;  // Else microseconds, and what is less than one is cut off.
};

// The file has its name only after finish(); without it nothing is left behind (see NewFile), but
// of a process that is killed what was flushed, where the file begins with a temporary name.
// Instant{} is 1970-01-01T00:00:00Z. Times that a capture cannot hold (before 1970, after 2106) and
// the operating system's refusals, now or while writing, are thrown as std::system_error. While
// is_open() after such a refusal, finish() keeps what was written before, records() of them whole.
class PcapWriter {
 public:
  explicit PcapWriter(const std::string& path, const PcapFormat& format = {},
                      NewFile::Until until = NewFile::Until::kNameless);
  // Writes to an open descriptor, which is closed with it; `name` is what errors call it. After a
  // refusal the last record there may be cut off.
  PcapWriter(int descriptor, const std::string& name, const PcapFormat& format = {});
  ~PcapWriter();
  PcapWriter(const PcapWriter&) = delete;
  PcapWriter& operator=(const PcapWriter&) = delete;

  void write(Instant time, std::span<const std::byte> frame);
  void write(const CaptureRecord& record);
  // Hands on what was written, so that whoever reads along has it.
  void flush();
  void finish();

  bool is_open() const { return descriptor_ >= 0; }
  std::uint64_t records() const { return records_; }
  // How long the file is, and by how much a record makes it longer.
  std::uint64_t bytes() const { return handed_on_ + filled_; }
  static std::uint64_t bytes_of(const CaptureRecord& record);

 private:
  PcapWriter(const PcapFormat& format, const std::string& name);

  void put32(std::uint32_t value);
  void write_header(int link_type);
  void keep_whole_records(std::size_t bytes);
  [[noreturn]] void refuse(int error) const;

  std::string name_;
  std::optional<NewFile> file_;
  int descriptor_ = -1;
  std::int64_t nanoseconds_per_tick_;
  std::vector<std::byte> buffer_;
  std::size_t filled_ = 0;       // Of the buffer.
  std::uint64_t handed_on_ = 0;  // Bytes that left the buffer before.
  std::uint64_t records_ = 0;
};

}  // namespace lossy
