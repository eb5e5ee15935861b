#include "harness/capture/reader.hpp"

#include <pcap/pcap.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "core/escape.hpp"

namespace lossy {
namespace {

using Kind = CaptureError::Kind;

CaptureError error_of(Kind kind, const std::string& path, const std::string& reason) {
  return CaptureError{kind, escape_controls(path) + ": " + reason};
}

// Seconds are 32 bits without a sign in the file, which libpcap hands on with one; both fields may
// hold anything. The sum is far from overflow.
Instant time_of(const timeval& time) {
  const auto seconds = static_cast<std::uint32_t>(time.tv_sec & 0xFFFFFFFF);
  return Instant(std::chrono::seconds(seconds) + std::chrono::nanoseconds(time.tv_usec));
}

}  // namespace

void PcapReader::CloseHandle::operator()(pcap* handle) const {
  pcap_close(handle);
}

std::variant<PcapReader, CaptureError> PcapReader::open(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return error_of(Kind::kUnreadable, path, std::strerror(errno));
  }
  if (S_ISDIR(status.st_mode)) {
    return error_of(Kind::kDirectory, path, "is a directory, not a capture");
  }
  if (S_ISREG(status.st_mode) && status.st_size == 0) {
    return error_of(Kind::kEmpty, path, "is empty, not a capture");
  }
  std::FILE* const stream = std::fopen(path.c_str(), "rb");
  if (stream == nullptr) return error_of(Kind::kUnreadable, path, std::strerror(errno));
  std::array<char, PCAP_ERRBUF_SIZE> reason{};
  Handle handle(
      pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, reason.data()));
  if (!handle) {
    std::fclose(stream);
    return error_of(Kind::kNotACapture, path, std::string("is not a capture: ") + reason.data());
  }
  const int link_type = pcap_datalink(handle.get());
  if (!is_link_type_supported(link_type)) {
    const char* const name = pcap_datalink_val_to_name(link_type);
    return error_of(Kind::kLinkType, path,
                    "has link type " + std::to_string(link_type) +
                        (name != nullptr ? " (" + std::string(name) + ")" : "") +
                        "; only LINUX_SLL2 (tcpdump -i any) and Ethernet can be read");
  }
  return PcapReader(path, std::move(handle), link_type);
}

std::optional<CaptureRecord> PcapReader::next() {
  if (error_) return std::nullopt;
  pcap_pkthdr* header = nullptr;
  const u_char* bytes = nullptr;
  const int outcome = pcap_next_ex(handle_.get(), &header, &bytes);
  if (outcome == 1) {
    return CaptureRecord{++records_, time_of(header->ts),
                         std::as_bytes(std::span(bytes, header->caplen)), header->len};
  }
  if (outcome != PCAP_ERROR_BREAK) {
    error_ = error_of(
        Kind::kDamaged, path_,
        "is damaged behind record " + std::to_string(records_) + ": " + pcap_geterr(handle_.get()));
  }
  return std::nullopt;
}

}  // namespace lossy
