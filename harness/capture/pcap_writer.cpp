#include "harness/capture/pcap_writer.hpp"

#include <pcap/pcap.h>
#include <stdio_ext.h>
#include <unistd.h>

#include <cerrno>
#include <limits>
#include <new>
#include <system_error>

#include "core/check.hpp"
#include "harness/capture/frame.hpp"

namespace lossy {
namespace {

constexpr int kSnapBytes = 262'144;  // Tcpdump's, and larger than any frame.
constexpr std::size_t kBufferBytes = std::size_t{1} << 18;

}  // namespace

void PcapWriter::CloseHandle::operator()(pcap* handle) const {
  pcap_close(handle);
}
void PcapWriter::CloseDumper::operator()(pcap_dumper* dumper) const {
  pcap_dump_close(dumper);
}

PcapWriter::PcapWriter(const std::string& path)
    : file_(path),
      buffer_(kBufferBytes),
      handle_(pcap_open_dead_with_tstamp_precision(kLinkTypeLinuxSll2, kSnapBytes,
                                                   PCAP_TSTAMP_PRECISION_NANO)) {
  if (!handle_) throw std::bad_alloc();
  const int descriptor = file_.take_descriptor();
  stream_ = ::fdopen(descriptor, "wb");
  if (stream_ == nullptr) {
    const int error = errno;
    ::close(descriptor);
    refuse(error);
  }
  std::setvbuf(stream_, buffer_.data(), _IOFBF, buffer_.size());
  // One thread writes. Locking the stream for each record would cost as much as the record.
  ::__fsetlocking(stream_, FSETLOCKING_BYCALLER);
  // The stream is libpcap's from here on, and closed by it, sometimes even when it refuses.
  dumper_.reset(pcap_dump_fopen(handle_.get(), stream_));
  if (!dumper_) refuse(EIO);
}

PcapWriter::~PcapWriter() = default;

void PcapWriter::refuse(int error) const {
  throw std::system_error(error, std::generic_category(), "cannot write '" + file_.path() + "'");
}

void PcapWriter::write(Instant time, std::span<const std::byte> frame) {
  check(dumper_ != nullptr, "PcapWriter: write() after finish()");
  check(frame.size() <= kSnapBytes, "PcapWriter: the frame is too long");
  const std::int64_t nanoseconds = time.time_since_epoch().count();
  const std::int64_t seconds = nanoseconds / 1'000'000'000;
  if (nanoseconds < 0 || seconds > std::numeric_limits<std::uint32_t>::max()) {
    throw std::system_error(EOVERFLOW, std::generic_category(),
                            "cannot write '" + file_.path() +
                                "': a capture holds 136 years, and this run takes longer");
  }
  pcap_pkthdr header{};
  header.ts.tv_sec = seconds;
  header.ts.tv_usec = nanoseconds % 1'000'000'000;
  header.caplen = static_cast<bpf_u_int32>(frame.size());
  header.len = header.caplen;
  pcap_dump(reinterpret_cast<u_char*>(dumper_.get()), &header,
            reinterpret_cast<const u_char*>(frame.data()));
  if (::ferror_unlocked(stream_) != 0) refuse(errno);
}

void PcapWriter::finish() {
  check(dumper_ != nullptr, "PcapWriter: finish() after finish()");
  if (pcap_dump_flush(dumper_.get()) != 0) refuse(errno);
  // pcap_dump_close() does not say whether closing failed, which is when some file systems notice
  // that there is no room. Closing a second descriptor of the file does.
  const int second = ::dup(::fileno(stream_));
  if (second < 0 || ::close(second) != 0) refuse(errno);
  dumper_.reset();
  file_.commit();
}

}  // namespace lossy
