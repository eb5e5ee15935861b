// Reads capture files: classic pcap and pcapng, either byte order, micro- and nanoseconds, as they
// are or compressed by gzip, from a file, a pipe or standard input. Holds one record at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "harness/capture/byte_window.hpp"
#include "harness/capture/capture_record.hpp"
#include "harness/capture/frame.hpp"
#include "harness/capture/input_stream.hpp"

struct pcap;  // libpcap's pcap_t, which nobody else needs to see.
struct bpf_program;

namespace lossy {

// Why a file, or the rest of it, cannot be read.
struct CaptureError {
  enum class Kind : std::uint8_t {
    kUnreadable,       // The operating system refuses: no such file, no permission.
    kDirectory,        // It is a directory.
    kEmpty,            // It has no bytes.
    kNotACapture,      // It does not begin as a capture does.
    kLinkType,         // Its link type is none that decode_frame() knows.
    kMixedInterfaces,  // A pcapng whose interfaces differ in what must be one for a whole file.
    kDamaged,          // It is cut off, or makes no sense any more, behind some of its records.
  };
  Kind kind = Kind::kUnreadable;
  std::string text;  // One line that begins with the path.
};

class PcapReader {
 public:
  PcapReader(PcapReader&&) = default;
  PcapReader& operator=(PcapReader&&) = delete;

  // The path "-" is standard input. A pcapng may have several interfaces, as long as their link
  // types and snapshot lengths are the same: libpcap reads no other.
  static std::variant<PcapReader, CaptureError> open(const std::string& path);

  // The same of any stream; `name` is what errors call it.
  static std::variant<PcapReader, CaptureError> read(std::unique_ptr<InputStream> stream,
                                                     const std::string& name);

  // Passes over the records that the expression does not match, written as for tcpdump
  // (pcap-filter(7)). Why it cannot, or nothing.
  std::optional<std::string> set_filter(const std::string& expression);

  // The next record, valid until the next call, or nothing at the end and after an error.
  std::optional<CaptureRecord> next();

  // From now on calls `tell` every so many records; never for what is no file.
  using Tell = std::function<void(std::uint64_t bytes_read, std::uint64_t bytes_in_all)>;
  void on_read(Tell tell) { tell_ = std::move(tell); }

  // How many records were read, those that the filter passed over included.
  std::uint64_t records() const { return records_; }

  // What ended the records, when it was not the end of the file.
  const std::optional<CaptureError>& error() const { return error_; }

  // Whether it is being written while it is read, as a pipe is: a record is there once it was
  // written, and the end may be a long time off.
  bool is_live() const { return live_; }

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

  struct FreeFilter {
    void operator()(bpf_program* filter) const;
  };

  PcapReader() = default;

  CaptureError describe_damage() const;

  std::string path_;
  std::unique_ptr<ByteWindow> window_;
  std::unique_ptr<char[]> buffer_;  // Of the handle's stream, which is closed before it goes.
  Handle handle_;
  std::unique_ptr<bpf_program, FreeFilter> filter_;
  int descriptor_ = -1;  // The handle's, of a file.
  std::uint64_t bytes_ = 0;
  Tell tell_;
  bool live_ = false;
  int link_type_ = 0;
  std::uint64_t records_ = 0;
  std::optional<CaptureError> error_;
};

}  // namespace lossy
