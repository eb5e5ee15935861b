// Reads capture files: classic pcap and pcapng, in either byte order, and snoop's, as they are or
// compressed by gzip, zstd, lz4, xz or bzip2, from a file, a pipe or standard input. Holds one
// record at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <lossy/harness/capture/capture_format.hpp>
#include <lossy/harness/capture/capture_record.hpp>
#include <lossy/harness/capture/filter_hint.hpp>
#include <lossy/harness/capture/frame.hpp>
#include <lossy/harness/capture/input_stream.hpp>
#include <lossy/harness/capture/packet_filter.hpp>

namespace lossy {

// Why a file, or the rest of it, cannot be read.
struct CaptureError {
  enum class Kind : std::uint8_t {
    kUnreadable,   // The operating system refuses: no such file, no permission.
    kDirectory,    // It is a directory.
    kEmpty,        // It has no bytes, or a golden no records.
    kNotACapture,  // It does not begin as a capture does.
    kLinkType,     // No record of it has a link type that decode_frame() knows.
    kFilter,       // The filter cannot be asked of one of its link types.
    kDamaged,      // It is cut off, or makes no sense any more, behind some of its records.
  };
  Kind kind = Kind::kUnreadable;
  std::string text;  // One line that begins with the path.
};

// Which of a capture's records count.
struct CaptureChoice {
  std::string filter{};  // An expression as for tcpdump, or nothing.
  bool inner = false;    // What VXLAN, Geneve and GTP-U carry counts instead.
};

class PcapReader {
 public:
  PcapReader(PcapReader&&) = default;
  PcapReader& operator=(PcapReader&&) = delete;

  // The path "-" is standard input.
  static std::variant<PcapReader, CaptureError> open(const std::string& path);

  // The same of any stream; `name` is what errors call it.
  static std::variant<PcapReader, CaptureError> read(std::unique_ptr<InputStream> stream,
                                                     const std::string& name);

  // Passes over the records that the expression does not match, written as for tcpdump
  // (pcap-filter(7)), and over those whose link type cannot be decoded. Why it cannot, or nothing;
  // of a pcapng, whose link types show later, only where it can be asked of none.
  std::optional<std::string> set_filter(const std::string& expression);

  // Both at once. Why there can be no such filter, or nothing.
  std::optional<std::string> choose(const CaptureChoice& choice);

  // "port 7 matches none of 12 records", and what would, once a filter that matched nothing has
  // seen all; else nothing.
  std::string filtered_out() const;

  // What VXLAN, Geneve and GTP-U carry is to count instead: records say so from now on.
  void look_inside() { inner_ = true; }

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

  // Those that were met until now: of a pcapng each that was declared, of any other file the one.
  const std::vector<CaptureInterface>& interfaces() const { return format_->interfaces(); }
  const std::string& path() const { return path_; }

 private:
  PcapReader() = default;

  bool passes_filter(const CaptureRecord& record);

  std::string path_;
  std::unique_ptr<CaptureFormat> format_;
  std::optional<PacketFilter> filter_;
  std::optional<FilterHint> hint_;  // As long as the filter has matched nothing.
  int descriptor_ = -1;             // Of a file, which the stream closes.
  std::uint64_t bytes_ = 0;
  Tell tell_;
  bool live_ = false;
  bool inner_ = false;
  std::uint64_t records_ = 0;
  bool any_readable_ = false;  // Of the records, by their link types.
  int link_type_ = 0;          // Of the latest of those until there was one.
  std::optional<CaptureError> error_;
};

// Whether it is a file, of which a second reading gives the same, and no pipe.
bool can_be_read_again(const std::string& path);

// "276 (LINUX_SLL2)", or the number of a link type that has no name.
std::string describe_link_type(int link_type);

}  // namespace lossy
