// Writes frames to a capture file, of either kind.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <lossy/harness/capture/capture_record.hpp>
#include <lossy/harness/capture/new_file.hpp>
#include <lossy/harness/capture/piece_file.hpp>

namespace lossy {

// What a capture says before its packets.
struct CaptureHead {
  int link_type = kLinkTypeLinuxSll2;
  bool nanoseconds = true;  // Else microseconds, and what is less than one is cut off.
  // In pcapng alone: what its section is said to be.
  std::string comment{};
};

// What pcapng says of a packet, and pcap does not.
struct PacketNotes {
  std::string_view interface_name{};      // Of the record's interface.
  std::optional<std::uint64_t> number{};  // Which packet it is, wherever it is seen.
  std::string_view comment{};
};

// The longest frame that is written: tcpdump's snapshot length, and longer than any frame.
inline constexpr std::size_t kSnapBytes = 262'144;

// As PieceFile has it: the records are pieces. Instant{} is 1970-01-01T00:00:00Z. Times that the
// file cannot hold are refused, too.
class CaptureWriter {
 public:
  virtual ~CaptureWriter() = default;

  virtual void write(const CaptureRecord& record, const PacketNotes& notes) = 0;
  // By how much a record makes the file longer.
  virtual std::uint64_t bytes_of(const CaptureRecord& record, const PacketNotes& notes) const = 0;

  // Hands on what was written, so that whoever reads along has it.
  void flush() { file_.flush(); }
  virtual void finish() { file_.finish(); }

  bool is_open() const { return file_.is_open(); }
  std::uint64_t records() const { return file_.records(); }
  // How long the file is.
  std::uint64_t bytes() const { return file_.bytes(); }

 protected:
  template <typename... Arguments>
  explicit CaptureWriter(std::string name, Arguments&&... arguments)
      : name_(std::move(name)), file_(std::forward<Arguments>(arguments)...) {}
  // Throws when that is not within so many years of 1970.
  void check_time(Instant time, Instant last, int years) const;

  std::string name_;
  PieceFile file_;
};

// Whether a file of that name is written as pcapng: "run.pcapng".
bool is_pcapng_name(std::string_view path);

// The kind of file that its name says.
std::unique_ptr<CaptureWriter> open_capture_writer(
    const std::string& path, const CaptureHead& head,
    NewFile::Until until = NewFile::Until::kNameless);

}  // namespace lossy
