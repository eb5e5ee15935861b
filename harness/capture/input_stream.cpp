#include "harness/capture/input_stream.hpp"

#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <limits>
#include <system_error>
#include <utility>
#include <vector>

namespace lossy {
namespace {

constexpr std::size_t kPackedBytes = std::size_t{1} << 16;
constexpr int kGzipOnly = 16 + MAX_WBITS;  // In zlib's words: a header and a trailer as gzip's.

class Input {
 public:
  Input(int descriptor, std::shared_ptr<std::string> error)
      : descriptor_(descriptor), error_(std::move(error)), packed_(kPackedBytes) {}
  ~Input() {
    inflateEnd(&zlib_);  // Harmless where there was nothing to end.
    ::close(descriptor_);
  }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  // As read(2).
  ssize_t read(char* buffer, std::size_t size) {
    if (state_ == State::kBeginning && !look()) return -1;
    if (state_ == State::kPacked) return read_packed(buffer, size);
    if (begin_ == end_) return read_descriptor(buffer, size);
    const std::size_t give = std::min(size, end_ - begin_);
    std::memcpy(buffer, packed_.data() + begin_, give);
    begin_ += give;
    return static_cast<ssize_t>(give);
  }

 private:
  enum class State : std::uint8_t { kBeginning, kPlain, kPacked };

  ssize_t fail(const std::string& why) {
    *error_ = why;
    errno = EIO;
    return -1;
  }

  ssize_t read_descriptor(void* buffer, std::size_t size) {
    while (true) {
      const ssize_t got = ::read(descriptor_, buffer, size);
      if (got >= 0) return got;
      if (errno != EINTR) return fail(std::generic_category().message(errno));
    }
  }

  // More bytes behind those that are there: 0 at the end, -1 when it fails.
  ssize_t fetch() {
    std::memmove(packed_.data(), packed_.data() + begin_, end_ - begin_);  // A byte at most.
    end_ -= std::exchange(begin_, 0);
    const ssize_t got = read_descriptor(packed_.data() + end_, packed_.size() - end_);
    if (got > 0) end_ += static_cast<std::size_t>(got);
    return got;
  }

  // Whether `packed_` begins as what gzip makes, as soon as that many bytes are there. It is empty,
  // or has a byte. False when reading fails.
  bool begins_packed(bool& packed) {
    while (end_ - begin_ < 2) {
      const ssize_t got = fetch();
      if (got < 0) return false;
      if (got == 0) break;
    }
    packed = end_ - begin_ >= 2 && packed_[begin_] == 0x1F && packed_[begin_ + 1] == 0x8B;
    return true;
  }

  bool look() {
    bool packed = false;
    if (!begins_packed(packed)) return false;
    state_ = packed ? State::kPacked : State::kPlain;
    if (packed && inflateInit2(&zlib_, kGzipOnly) != Z_OK) {
      fail("there is no memory to unpack it");
      return false;
    }
    return true;
  }

  ssize_t read_packed(char* buffer, std::size_t size) {
    size = std::min<std::size_t>(size, std::numeric_limits<int>::max());
    zlib_.next_out = reinterpret_cast<Bytef*>(buffer);
    zlib_.avail_out = static_cast<uInt>(size);
    if (failed_) return -1;
    while (zlib_.avail_out == size && !ended_ && !failed_) {
      if (begin_ == end_) {
        const ssize_t got = fetch();
        if (got < 0) return -1;
        if (got == 0) return fail("its compressed bytes are cut off");
      }
      zlib_.next_in = packed_.data() + begin_;
      zlib_.avail_in = static_cast<uInt>(end_ - begin_);
      const int outcome = inflate(&zlib_, Z_SYNC_FLUSH);
      begin_ = end_ - zlib_.avail_in;
      if (outcome == Z_STREAM_END) {
        // What came before is good; what is wrong behind it is said next.
        if (!begin_member()) failed_ = true;
      } else if (outcome != Z_OK && outcome != Z_BUF_ERROR) {
        if (zlib_.avail_out != size) break;  // What came before is good, and zlib says it again.
        return fail(std::string("its compressed bytes are damaged: ") +
                    (zlib_.msg != nullptr ? zlib_.msg : zError(outcome)));
      }
    }
    if (failed_ && zlib_.avail_out == size) return -1;
    return static_cast<ssize_t>(size - zlib_.avail_out);
  }

  // What gzip made may stand behind more of its kind, and in front of zeros that fill a block up.
  // Whether that is so; anything else there is none of the file's.
  bool begin_member() {
    bool packed = false;
    if (!begins_packed(packed)) return false;
    ended_ = !packed;
    inflateReset(&zlib_);
    return packed || only_zeros_follow();
  }

  bool only_zeros_follow() {
    for (ssize_t got = 1; got > 0; got = fetch()) {
      for (; begin_ < end_; ++begin_) {
        if (packed_[begin_] == 0) continue;
        fail("behind its compressed bytes stand others");
        return false;
      }
    }
    return error_->empty();
  }

  int descriptor_;
  std::shared_ptr<std::string> error_;
  State state_ = State::kBeginning;
  bool ended_ = false;
  bool failed_ = false;
  std::vector<unsigned char> packed_;  // What was read, from begin_ to end_.
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  z_stream zlib_{};
};

ssize_t read_input(void* cookie, char* buffer, std::size_t size) {
  return static_cast<Input*>(cookie)->read(buffer, size);
}

int close_input(void* cookie) {
  delete static_cast<Input*>(cookie);
  return 0;
}

}  // namespace

std::FILE* open_input_stream(int descriptor, std::shared_ptr<std::string> error) {
  auto input = std::make_unique<Input>(descriptor, std::move(error));
  std::FILE* const stream =
      ::fopencookie(input.get(), "rb", {read_input, nullptr, nullptr, close_input});
  if (stream != nullptr) static_cast<void>(input.release());  // The stream's, which closes it.
  return stream;
}

}  // namespace lossy
