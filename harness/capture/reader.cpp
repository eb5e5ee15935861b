#include <lossy/harness/capture/reader.hpp>

#include <fcntl.h>
#include <pcap/pcap.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include <lossy/core/counted.hpp>
#include <lossy/core/escape.hpp>
#include <lossy/harness/capture/pcap_file.hpp>
#include <lossy/harness/capture/pcapng_file.hpp>
#include <lossy/harness/capture/snoop_file.hpp>

namespace lossy {
namespace {

using Kind = CaptureError::Kind;

constexpr std::uint64_t kRecordsOfTelling = 1 << 14;

CaptureError error_of(Kind kind, const std::string& path, const std::string& reason) {
  return CaptureError{kind, escape_controls(path) + ": " + reason};
}

// The descriptor of a file, or of standard input. Below zero with errno when it cannot be opened.
int open_descriptor(const std::string& path) {
  return path == "-" ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
}

std::unique_ptr<CaptureFormat> make_format(ByteWindow window) {
  window.has(SnoopFile::kStartBytes);
  if (PcapngFile::is_start(window.front())) return std::make_unique<PcapngFile>(std::move(window));
  if (SnoopFile::is_start(window.front())) return std::make_unique<SnoopFile>(std::move(window));
  return std::make_unique<PcapFile>(std::move(window));
}

CaptureError no_known_link_type(const std::string& path, int link_type) {
  return error_of(Kind::kLinkType, path,
                  "has link type " + describe_link_type(link_type) +
                      "; what can be read is Ethernet, 802.11 (radiotap, PPI), LINUX_SLL, "
                      "LINUX_SLL2, PPP, PPPoE, HDLC, MPLS, NFLOG, PKTAP, NULL, LOOP, RAW, IPV4 "
                      "and IPV6");
}

}  // namespace

bool can_be_read_again(const std::string& path) {
  struct stat status {};
  return path != "-" && ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

std::variant<PcapReader, CaptureError> PcapReader::open(const std::string& path) {
  const std::string name = path == "-" ? "standard input" : path;
  const int descriptor = open_descriptor(path);
  struct stat status {};
  if (descriptor < 0 || ::fstat(descriptor, &status) != 0) {
    const int error = errno;
    if (descriptor >= 0) ::close(descriptor);
    return error_of(Kind::kUnreadable, name, std::strerror(error));
  }
  if (S_ISDIR(status.st_mode) || (S_ISREG(status.st_mode) && status.st_size == 0)) {
    ::close(descriptor);
    return S_ISDIR(status.st_mode)
               ? error_of(Kind::kDirectory, name, "is a directory, not a capture")
               : error_of(Kind::kEmpty, name, "is empty, not a capture");
  }
  auto opened = read(std::make_unique<InputStream>(descriptor), name);
  if (auto* const reader = std::get_if<PcapReader>(&opened)) {
    reader->live_ = !S_ISREG(status.st_mode);
    if (!reader->live_) {
      reader->descriptor_ = descriptor;
      reader->bytes_ = static_cast<std::uint64_t>(status.st_size);
    }
  }
  return opened;
}

std::variant<PcapReader, CaptureError> PcapReader::read(std::unique_ptr<InputStream> stream,
                                                        const std::string& name) {
  PcapReader reader;
  reader.path_ = name;
  ByteWindow window(std::move(stream));
  if (!window.has(1) && window.error().empty()) {
    return error_of(Kind::kEmpty, name, "is empty, not a capture");
  }
  reader.format_ = make_format(std::move(window));
  if (!reader.format_->begin()) {
    return error_of(Kind::kNotACapture, name, "is not a capture: " + reader.format_->error());
  }
  const auto& interfaces = reader.interfaces();
  if (!interfaces.empty() && !is_link_type_supported(interfaces.front().link_type)) {
    return no_known_link_type(name, interfaces.front().link_type);
  }
  return reader;
}

std::optional<std::string> PcapReader::choose(const CaptureChoice& choice) {
  inner_ = choice.inner;
  return choice.filter.empty() ? std::nullopt : set_filter(choice.filter);
}

std::optional<std::string> PcapReader::set_filter(const std::string& expression) {
  filter_.emplace(expression);
  std::optional<std::string> why;
  if (!interfaces().empty()) {
    why = filter_->compile(interfaces().front().link_type);
  } else {
    for (const int link_type : kLinkTypes) {
      why = filter_->compile(link_type);
      if (!why) break;
    }
  }
  if (!why) hint_.emplace(expression);
  return why;
}

std::string PcapReader::filtered_out() const {
  if (!hint_) return "";
  std::string text =
      escape_controls(filter_->expression()) + " matches none of " + counted(records_, "record");
  if (!hint_->text().empty()) text += "; " + escape_controls(hint_->text());
  return text;
}

std::optional<CaptureRecord> PcapReader::next() {
  if (error_) return std::nullopt;
  CaptureRecord record;
  while (format_->next(record)) {
    record.number = ++records_;
    if (tell_ && descriptor_ >= 0 && records_ % kRecordsOfTelling == 0) {
      tell_(static_cast<std::uint64_t>(::lseek(descriptor_, 0, SEEK_CUR)), bytes_);
    }
    record.inner = inner_;
    if (!any_readable_) {
      link_type_ = record.link_type;
      any_readable_ = is_link_type_supported(link_type_);
    }
    if (!filter_ || passes_filter(record)) return record;
    if (error_) return std::nullopt;
  }
  if (!format_->error().empty()) {
    error_ =
        error_of(Kind::kDamaged, path_,
                 "is damaged behind record " + std::to_string(records_) + ": " + format_->error());
  } else if (records_ > 0 && !any_readable_) {
    error_ = no_known_link_type(path_, link_type_);
  }
  return std::nullopt;
}

bool PcapReader::passes_filter(const CaptureRecord& record) {
  if (!is_link_type_supported(record.link_type)) return false;
  std::optional<bool> matches = filter_->matches(record);
  if (!matches) {
    if (const auto why = filter_->compile(record.link_type)) {
      error_ =
          error_of(Kind::kFilter, path_,
                   "has link type " + describe_link_type(record.link_type) + " in record " +
                       std::to_string(records_) + ", of which the filter cannot be asked: " + *why);
      return false;
    }
    matches = filter_->matches(record);
  }
  if (*matches) {
    hint_.reset();
  } else if (hint_) {
    hint_->see(record);
  }
  return *matches;
}

std::string describe_link_type(int link_type) {
  const char* const name = pcap_datalink_val_to_name(link_type);
  return std::to_string(link_type) + (name != nullptr ? " (" + std::string(name) + ")" : "");
}

}  // namespace lossy
