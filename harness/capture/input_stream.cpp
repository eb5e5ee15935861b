#include <lossy/harness/capture/input_stream.hpp>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <system_error>
#include <utility>

namespace lossy {
namespace {

constexpr std::size_t kFetchedBytes = std::size_t{1} << 16;

}  // namespace

InputStream::~InputStream() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::ptrdiff_t InputStream::read(std::span<std::byte> buffer) {
  if (failure_.empty() && !packing_ && await(kPackingBytes)) packing_ = packing_of(waiting());
  if (failure_.empty()) {
    const std::ptrdiff_t got =
        packing_ == Packing::kNone ? read_plain(buffer) : read_packed(buffer);
    if (got >= 0) return got;
  }
  error_ = failure_;
  errno = EIO;
  return -1;
}

std::ptrdiff_t InputStream::read_source(std::span<std::byte> buffer) {
  if (descriptor_ < 0) {
    const std::size_t size = std::min({buffer.size(), memory_.size(), at_once_max_});
    std::copy_n(memory_.begin(), size, buffer.begin());
    memory_ = memory_.subspan(size);
    return static_cast<std::ptrdiff_t>(size);
  }
  while (true) {
    const ssize_t got = ::read(descriptor_, buffer.data(), buffer.size());
    if (got >= 0) return got;
    if (errno == EINTR) continue;
    failure_ = std::generic_category().message(errno);
    return -1;
  }
}

// More bytes behind those that wait, which are fewer than tell the packing: 0 at the end, -1 when
// it fails.
std::ptrdiff_t InputStream::fetch() {
  if (!fetched_) fetched_ = std::make_unique_for_overwrite<std::byte[]>(kFetchedBytes);
  std::memmove(fetched_.get(), fetched_.get() + begin_, end_ - begin_);
  end_ -= std::exchange(begin_, 0);
  const std::ptrdiff_t got = read_source({fetched_.get() + end_, kFetchedBytes - end_});
  if (got > 0) end_ += static_cast<std::size_t>(got);
  return got;
}

// Has so many bytes wait, or all that there are. False when reading fails.
bool InputStream::await(std::size_t bytes) {
  std::ptrdiff_t got = 1;
  while (waiting().size() < bytes && got > 0) got = fetch();
  return got >= 0;
}

std::ptrdiff_t InputStream::read_plain(std::span<std::byte> buffer) {
  if (begin_ == end_) return read_source(buffer);
  const std::size_t size = std::min(buffer.size(), waiting().size());
  std::copy_n(waiting().begin(), size, buffer.begin());
  begin_ += size;
  return static_cast<std::ptrdiff_t>(size);
}

std::ptrdiff_t InputStream::read_packed(std::span<std::byte> buffer) {
  std::span<std::byte> out = buffer;
  while (out.size() == buffer.size() && !buffer.empty()) {
    if (!unpacker_ && !begin_next()) return failure_.empty() ? 0 : -1;
    if (begin_ == end_ && !more_to_come_) {
      const std::ptrdiff_t got = fetch();
      if (got == 0) failure_ = "its compressed bytes are cut off";
      if (got <= 0) return -1;
    }
    std::span<const std::byte> in = waiting();
    const Unpacker::Outcome outcome = unpacker_->unpack(in, out);
    begin_ = end_ - in.size();
    more_to_come_ = out.empty();
    if (outcome == Unpacker::Outcome::kEnded) unpacker_.reset();
    if (outcome == Unpacker::Outcome::kFailed) {
      failure_ = "its compressed bytes " + unpacker_->error();
      if (out.size() == buffer.size()) return -1;
      break;  // What came before it is good.
    }
  }
  return static_cast<std::ptrdiff_t>(buffer.size() - out.size());
}

// Whether something packed is next. Behind what was packed may stand more of its kind, and zeros
// that fill a block up; anything else there is none of the file's.
bool InputStream::begin_next() {
  const auto is_zero = [](std::byte byte) { return byte == std::byte{0}; };
  while (std::ranges::all_of(waiting(), is_zero)) {
    begin_ = end_;
    if (fetch() <= 0) return false;
  }
  begin_ +=
      static_cast<std::size_t>(std::ranges::find_if_not(waiting(), is_zero) - waiting().begin());
  if (!await(kPackingBytes)) return false;
  if (packing_of(waiting()) != packing_) {
    failure_ = "behind its compressed bytes stand others";
    return false;
  }
  unpacker_ = make_unpacker(*packing_);
  more_to_come_ = false;
  return true;
}

}  // namespace lossy
