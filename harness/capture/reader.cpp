#include "harness/capture/reader.hpp"

#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdio_ext.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>
#include <utility>

#include "core/escape.hpp"
#include "harness/capture/wire.hpp"

namespace lossy {
namespace {

using Kind = CaptureError::Kind;

constexpr std::uint64_t kRecordsOfTelling = 1 << 14;
constexpr std::size_t kBufferBytes = std::size_t{1} << 16;

CaptureError error_of(Kind kind, const std::string& path, const std::string& reason) {
  return CaptureError{kind, escape_controls(path) + ": " + reason};
}

// Seconds are 32 bits without a sign in the file, which libpcap hands on with one; both fields may
// hold anything. The sum is far from overflow.
Instant time_of(const timeval& time) {
  const auto seconds = static_cast<std::uint32_t>(time.tv_sec & 0xFFFFFFFF);
  return Instant(std::chrono::seconds(seconds) + std::chrono::nanoseconds(time.tv_usec));
}

// The descriptor of a file, or of standard input. Below zero with errno when it cannot be opened.
int open_descriptor(const std::string& path) {
  return path == "-" ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
}

ssize_t read_window(void* window, char* buffer, std::size_t size) {
  return static_cast<ByteWindow*>(window)->read(std::as_writable_bytes(std::span(buffer, size)));
}

// The stream that libpcap reads, of a window that outlives it.
std::FILE* open_window(ByteWindow& window, std::span<char> buffer) {
  std::FILE* const stream = ::fopencookie(&window, "rb", {read_window, nullptr, nullptr, nullptr});
  if (stream == nullptr) throw std::bad_alloc();
  std::setvbuf(stream, buffer.data(), _IOFBF, buffer.size());
  // One thread reads. Locking the stream for each record would cost as much as the record.
  ::__fsetlocking(stream, FSETLOCKING_BYCALLER);
  return stream;
}

// libpcap cuts records off at the snapshot length that stands in front of a pcap file, and there
// are writers that write one thing and do another. 0 is the largest that it reads.
void forget_snapshot_length(ByteWindow& window) {
  constexpr std::size_t kHeaderBytes = 24;
  constexpr std::size_t kAt = 16;
  constexpr std::array<std::uint32_t, 3> kMagics = {0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34};
  if (!window.has(kHeaderBytes)) return;
  const std::uint32_t magic = wire::load32(window.front(), 0);
  const auto is_same = [magic](std::uint32_t known) {
    return magic == known || magic == __builtin_bswap32(known);
  };
  if (std::ranges::any_of(kMagics, is_same)) wire::store32(&window.front()[kAt], 0);
}

// "LINUX_SLL2", or the number of a link type that has no name.
std::string name_of_link_type(int link_type) {
  const char* const name = pcap_datalink_val_to_name(link_type);
  return std::to_string(link_type) + (name != nullptr ? " (" + std::string(name) + ")" : "");
}

// What libpcap says of a further interface, which cannot be read beside the first, in plainer
// words; or nothing when it says anything else.
std::optional<std::string> describe_mix(const std::string& why, int link_type, int snap_bytes) {
  const std::size_t digits = why.find_first_of("0123456789");
  if (why.find("different from the ") == std::string::npos || digits == std::string::npos) {
    return std::nullopt;
  }
  const std::string number =
      why.substr(digits, why.find_first_not_of("0123456789", digits) - digits);
  if (why.find("snapshot length") != std::string::npos) {
    return "the first keeps " + std::to_string(snap_bytes) + " bytes of a packet, another " +
           number;
  }
  // It compares the number in the file with its own, and RAW has two.
  if (link_type == kLinkTypeRaw && number == std::to_string(kLinkTypeRawFile)) {
    return "there are several of link type RAW, of which libpcap reads one only";
  }
  return "the first has link type " + name_of_link_type(link_type) + ", another " + number;
}

}  // namespace

void PcapReader::CloseHandle::operator()(pcap* handle) const {
  pcap_close(handle);
}
void PcapReader::FreeFilter::operator()(bpf_program* filter) const {
  pcap_freecode(filter);
  delete filter;
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
  reader.window_ = std::make_unique<ByteWindow>(std::move(stream));
  forget_snapshot_length(*reader.window_);
  reader.buffer_ = std::make_unique_for_overwrite<char[]>(kBufferBytes);
  std::FILE* const file = open_window(*reader.window_, {reader.buffer_.get(), kBufferBytes});
  std::array<char, PCAP_ERRBUF_SIZE> reason{};
  reader.handle_.reset(
      pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, reason.data()));
  if (!reader.handle_) {
    std::fclose(file);
    const std::string& why = reader.window_->error();
    return error_of(Kind::kNotACapture, name,
                    "is not a capture: " + (why.empty() ? reason.data() : why));
  }
  reader.link_type_ = pcap_datalink(reader.handle_.get());
  if (!is_link_type_supported(reader.link_type_)) {
    return error_of(Kind::kLinkType, name,
                    "has link type " + name_of_link_type(reader.link_type_) +
                        "; what can be read is Ethernet, LINUX_SLL, LINUX_SLL2, NULL, LOOP, RAW, "
                        "IPV4 and IPV6");
  }
  return reader;
}

std::optional<std::string> PcapReader::set_filter(const std::string& expression) {
  auto program = std::make_unique<bpf_program>();
  if (pcap_compile(handle_.get(), program.get(), expression.c_str(), 1, PCAP_NETMASK_UNKNOWN) !=
      0) {
    return escape_controls(pcap_geterr(handle_.get()));
  }
  filter_.reset(program.release());
  return std::nullopt;
}

std::optional<CaptureRecord> PcapReader::next() {
  if (error_) return std::nullopt;
  pcap_pkthdr* header = nullptr;
  const u_char* bytes = nullptr;
  int outcome = 0;
  while ((outcome = pcap_next_ex(handle_.get(), &header, &bytes)) == 1) {
    ++records_;
    if (tell_ && descriptor_ >= 0 && records_ % kRecordsOfTelling == 0) {
      tell_(static_cast<std::uint64_t>(::lseek(descriptor_, 0, SEEK_CUR)), bytes_);
    }
    if (filter_ && pcap_offline_filter(filter_.get(), header, bytes) == 0) continue;
    return CaptureRecord{records_, time_of(header->ts),
                         std::as_bytes(std::span(bytes, header->caplen)), header->len};
  }
  if (outcome != PCAP_ERROR_BREAK) error_ = describe_damage();
  return std::nullopt;
}

CaptureError PcapReader::describe_damage() const {
  const std::string where = "behind record " + std::to_string(records_) + ": ";
  if (!window_->error().empty()) {
    return error_of(Kind::kDamaged, path_, "is damaged " + where + window_->error());
  }
  const std::string why = pcap_geterr(handle_.get());
  if (const auto mix = describe_mix(why, link_type_, pcap_snapshot(handle_.get()))) {
    return error_of(Kind::kMixedInterfaces, path_,
                    "mixes interfaces " + where + *mix +
                        "; to have the first one's alone: tshark -r FILE -Y 'frame.interface_id == "
                        "0' -F pcap -w OTHER");
  }
  return error_of(Kind::kDamaged, path_, "is damaged " + where + why);
}

}  // namespace lossy
