#include <lossy/harness/capture/pcap_file.hpp>

#include <pcap/pcap.h>
#include <stdio_ext.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <new>

#include <lossy/harness/capture/wire.hpp>

namespace lossy {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 16;

// Seconds are 32 bits without a sign in the file, which libpcap hands on with one; both fields may
// hold anything. The sum is no later than kCaptureTimeMax.
Instant time_of(const timeval& time) {
  const auto seconds = static_cast<std::uint32_t>(time.tv_sec & 0xFFFFFFFF);
  return Instant(std::chrono::seconds(seconds) + std::chrono::nanoseconds(time.tv_usec));
}

ssize_t read_window(void* window, char* buffer, std::size_t size) {
  return static_cast<ByteWindow*>(window)->read(std::as_writable_bytes(std::span(buffer, size)));
}

}  // namespace

void PcapFile::CloseHandle::operator()(pcap* handle) const {
  pcap_close(handle);
}

// libpcap cuts records off at the snapshot length that stands in front of a pcap file, and there
// are writers that write one thing and do another. 0 is the largest that it reads.
void PcapFile::forget_snapshot_length() {
  constexpr std::size_t kHeaderBytes = 24;
  constexpr std::size_t kAt = 16;
  constexpr std::array<std::uint32_t, 3> kMagics = {0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34};
  if (!window_.has(kHeaderBytes)) return;
  const std::uint32_t magic = wire::load32(window_.front(), 0);
  const auto is_same = [magic](std::uint32_t known) {
    return magic == known || magic == __builtin_bswap32(known);
  };
  if (std::ranges::any_of(kMagics, is_same)) wire::store32(&window_.front()[kAt], 0);
}

bool PcapFile::begin() {
  forget_snapshot_length();
  std::FILE* const stream = ::fopencookie(&window_, "rb", {read_window, nullptr, nullptr, nullptr});
  if (stream == nullptr) throw std::bad_alloc();
  buffer_ = std::make_unique_for_overwrite<char[]>(kBufferBytes);
  std::setvbuf(stream, buffer_.get(), _IOFBF, kBufferBytes);
  // One thread reads. Locking the stream for each record would cost as much as the record.
  ::__fsetlocking(stream, FSETLOCKING_BYCALLER);
  std::array<char, PCAP_ERRBUF_SIZE> reason{};
  handle_.reset(
      pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, reason.data()));
  if (!handle_) {
    std::fclose(stream);
    return fail(reason.data());
  }
  link_type_ = pcap_datalink(handle_.get());
  interfaces_.push_back({.link_type = link_type_});
  return true;
}

bool PcapFile::next(CaptureRecord& record) {
  pcap_pkthdr* header = nullptr;
  const u_char* bytes = nullptr;
  const int outcome = pcap_next_ex(handle_.get(), &header, &bytes);
  if (outcome != 1) {
    return outcome == PCAP_ERROR_BREAK ? false : fail(pcap_geterr(handle_.get()));
  }
  record.time = time_of(header->ts);
  record.frame = std::as_bytes(std::span(bytes, header->caplen));
  record.original_bytes = header->len;
  record.link_type = link_type_;
  return true;
}

}  // namespace lossy
