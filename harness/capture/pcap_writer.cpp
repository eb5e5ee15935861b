#include "harness/capture/pcap_writer.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <span>
#include <system_error>
#include <utility>

#include "core/check.hpp"
#include "harness/capture/frame.hpp"
#include "harness/capture/stoppable_write.hpp"

namespace lossy {
namespace {

constexpr std::uint32_t kMagicMicroseconds = 0xA1B2C3D4;
constexpr std::uint32_t kMagicNanoseconds = 0xA1B23C4D;
constexpr std::uint32_t kVersion = 4 << 16 | 2;  // 2.4, as two numbers of 16 bits.
constexpr std::uint32_t kSnapBytes = 262'144;    // Tcpdump's, and larger than any frame.
constexpr std::size_t kRecordHeaderBytes = 16;
constexpr std::size_t kBufferBytes = 2 * kSnapBytes;

std::uint32_t load_little32(std::span<const std::byte, 4> bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8 | std::to_integer<std::uint32_t>(bytes[i]);
  return value;
}

}  // namespace

// What the others begin with: once it has returned, what they throw leaves nothing open.
PcapWriter::PcapWriter(const PcapFormat& format, const std::string& name)
    : name_(name), nanoseconds_per_tick_(format.nanoseconds ? 1 : 1000), buffer_(kBufferBytes) {}

PcapWriter::PcapWriter(const std::string& path, const PcapFormat& format, NewFile::Until until)
    : PcapWriter(format, path) {
  file_.emplace(path, until);
  descriptor_ = file_->take_descriptor();
  write_header(format.link_type);
}

PcapWriter::PcapWriter(int descriptor, const std::string& name, const PcapFormat& format)
    : PcapWriter(format, name) {
  descriptor_ = descriptor;
  write_header(format.link_type);
}

PcapWriter::~PcapWriter() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void PcapWriter::refuse(int error) const {
  throw std::system_error(error, std::generic_category(), "cannot write '" + name_ + "'");
}

void PcapWriter::put32(std::uint32_t value) {
  for (int i = 0; i < 4; ++i, value >>= 8) buffer_[filled_++] = std::byte(value & 0xFF);
}

void PcapWriter::write_header(int link_type) {
  put32(nanoseconds_per_tick_ == 1 ? kMagicNanoseconds : kMagicMicroseconds);
  put32(kVersion);
  put32(0);  // The time zone is UTC.
  put32(0);  // Nobody has ever said how exact the times are.
  put32(kSnapBytes);
  // The one link type of ours whose number on an interface differs from one system to the other.
  const bool raw = link_type == kLinkTypeRaw || link_type == kLinkTypeRawOpenBsd;
  put32(static_cast<std::uint32_t>(raw ? kLinkTypeRawFile : link_type));
  flush();  // A disk that is full already is found before the run, not after it.
}

std::uint64_t PcapWriter::bytes_of(const CaptureRecord& record) {
  return kRecordHeaderBytes + record.frame.size();
}

void PcapWriter::write(Instant time, std::span<const std::byte> frame) {
  write(CaptureRecord{records_ + 1, time, frame, frame.size()});
}

void PcapWriter::write(const CaptureRecord& record) {
  check(descriptor_ >= 0, "PcapWriter: write() after finish()");
  check(record.frame.size() <= kSnapBytes, "PcapWriter: the frame is too long");
  const std::int64_t nanoseconds = record.time.time_since_epoch().count();
  const std::int64_t seconds = nanoseconds / 1'000'000'000;
  if (nanoseconds < 0 || seconds > std::numeric_limits<std::uint32_t>::max()) {
    throw std::system_error(
        EOVERFLOW, std::generic_category(),
        "cannot write '" + name_ + "': a capture holds 136 years, and this run takes longer");
  }
  if (filled_ + bytes_of(record) > buffer_.size()) flush();
  put32(static_cast<std::uint32_t>(seconds));
  put32(static_cast<std::uint32_t>(nanoseconds % 1'000'000'000 / nanoseconds_per_tick_));
  put32(static_cast<std::uint32_t>(record.frame.size()));
  put32(static_cast<std::uint32_t>(record.original_bytes));
  std::ranges::copy(record.frame, buffer_.begin() + static_cast<std::ptrdiff_t>(filled_));
  filled_ += record.frame.size();
  ++records_;
}

void PcapWriter::flush() {
  std::size_t done = 0;
  while (done < filled_) {
    const ::ssize_t written =
        stoppable_write(descriptor_, std::span(buffer_).subspan(done, filled_ - done));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int error = errno;
      keep_whole_records(done);
      refuse(error);
    }
    done += static_cast<std::size_t>(written);
  }
  handed_on_ += std::exchange(filled_, 0);
}

// Cuts off the record in the midst of which the file ends, `bytes` into what is in the buffer, and
// forgets those behind it. Of a header that is cut off nothing is kept.
void PcapWriter::keep_whole_records(std::size_t bytes) {
  std::size_t whole = 0;
  for (std::size_t at = 0; handed_on_ > 0 && at < filled_;) {
    const auto length = std::span<const std::byte>(buffer_).subspan(at + 8).first<4>();
    at += kRecordHeaderBytes + load_little32(length);
    if (at <= bytes) whole = at;
    if (at > bytes) --records_;
  }
  filled_ = 0;
  handed_on_ += whole;
  // What is no new file may hold what others wrote before us.
  if (!file_) return;
  [[maybe_unused]] const int outcome = ::ftruncate(descriptor_, static_cast<::off_t>(handed_on_));
}

void PcapWriter::finish() {
  check(descriptor_ >= 0, "PcapWriter: finish() after finish()");
  flush();
  // Some file systems notice only now that there is no room.
  if (::close(std::exchange(descriptor_, -1)) != 0) refuse(errno);
  if (file_) file_->commit();
}

}  // namespace lossy
