// Reads capture files: classic pcap and pcapng, either byte order, micro- and nanoseconds. Holds
// one record at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>

#include "core/clock.hpp"
#include "harness/capture/frame.hpp"

struct pcap;  // libpcap's pcap_t, which nobody else needs to see.

namespace lossy {

// Why a file, or the rest of it, cannot be read.
struct CaptureError {
  enum class Kind : std::uint8_t {
    kUnreadable,   // The operating system refuses: no such file, no permission.
    kDirectory,    // It is a directory.
    kEmpty,        // It has no bytes.
    kNotACapture,  // It does not begin as a capture does.
    kLinkType,     // Its link type is none that decode_frame() knows.
    kDamaged,      // It is cut off, or makes no sense any more, behind some of its records.
  };
  Kind kind = Kind::kUnreadable;
  std::string text;  // One line that begins with the path.
};

struct CaptureRecord {
  std::uint64_t number = 0;  // Its place in the file, from 1.
  Instant time;              // Since 1970-01-01T00:00:00Z. It may be any, in any order.
  std::span<const std::byte> frame;
  std::size_t original_bytes = 0;  // On the wire; more than there is when it was snapped.
};

class PcapReader {
 public:
  static std::variant<PcapReader, CaptureError> open(const std::string& path);

  // The next record, valid until the next call, or nothing at the end and after an error.
  std::optional<CaptureRecord> next();

  // What ended the records, when it was not the end of the file.
  const std::optional<CaptureError>& error() const { return error_; }

  int link_type() const { return link_type_; }
  const std::string& path() const { return path_; }

  std::variant<Frame, SkipReason> decode(const CaptureRecord& record) const {
    return decode_frame(link_type_, record.frame, record.original_bytes);
  }

 private:
  struct CloseHandle {
    void operator()(pcap* handle) const;
  };
  using Handle = std::unique_ptr<pcap, CloseHandle>;

  PcapReader(std::string path, Handle handle, int link_type)
      : path_(std::move(path)), handle_(std::move(handle)), link_type_(link_type) {}

  std::string path_;
  Handle handle_;
  int link_type_ = 0;
  std::uint64_t records_ = 0;
  std::optional<CaptureError> error_;
};

}  // namespace lossy
