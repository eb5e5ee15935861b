#include <lossy/harness/capture/byte_window.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace lossy {
namespace {

constexpr std::size_t kBytesAtFirst = std::size_t{1} << 16;

}  // namespace

std::ptrdiff_t ByteWindow::read(std::span<std::byte> buffer) {
  if (there() == 0) return stream_->read(buffer);
  const std::size_t size = std::min(buffer.size(), there());
  std::copy_n(front().begin(), size, buffer.begin());
  pass(size);
  return static_cast<std::ptrdiff_t>(size);
}

bool ByteWindow::read_on(std::size_t bytes) {
  if (begin_ > 0) std::memmove(buffer_.get(), buffer_.get() + begin_, there());
  end_ -= std::exchange(begin_, 0);
  while (end_ < bytes) {
    if (end_ == room_) {
      room_ = std::max(kBytesAtFirst, 2 * end_);
      auto larger = std::make_unique_for_overwrite<std::byte[]>(room_);
      std::copy_n(buffer_.get(), end_, larger.get());
      buffer_ = std::move(larger);
    }
    const std::ptrdiff_t got = stream_->read({buffer_.get() + end_, room_ - end_});
    if (got <= 0) return false;
    end_ += static_cast<std::size_t>(got);
  }
  return true;
}

}  // namespace lossy
