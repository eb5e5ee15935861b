#include "harness/capture/gzip_stream.hpp"

#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <system_error>
#include <utility>

namespace lossy {
namespace {

constexpr unsigned kBufferBytes = 1U << 18;

struct GzipReader {
  gzFile file = nullptr;
  std::shared_ptr<std::string> error;
};

// gzread() gives what there was of a stream that is cut off, and then nothing, as at a good end.
ssize_t read_gzip(void* cookie, char* buffer, std::size_t size) {
  auto& reader = *static_cast<GzipReader*>(cookie);
  const auto wanted = std::min<std::size_t>(size, std::numeric_limits<int>::max());
  const int got = gzread(reader.file, buffer, static_cast<unsigned>(wanted));
  if (got > 0) return got;
  int code = Z_OK;
  const char* const why = gzerror(reader.file, &code);
  if (code == Z_OK || code == Z_STREAM_END) return 0;
  const int number = errno;
  *reader.error = code == Z_BUF_ERROR ? "its compressed bytes are cut off"
                  : code == Z_ERRNO   ? std::generic_category().message(number)
                                      : std::string("its compressed bytes are damaged: ") + why;
  errno = EIO;
  return -1;
}

int close_gzip(void* cookie) {
  const std::unique_ptr<GzipReader> reader(static_cast<GzipReader*>(cookie));
  gzclose_r(reader->file);  // What it complains about was said while reading.
  return 0;
}

}  // namespace

std::FILE* open_gzip_stream(int descriptor, std::shared_ptr<std::string> error) {
  const gzFile file = gzdopen(descriptor, "rb");
  if (file == nullptr) {
    ::close(descriptor);
    return nullptr;
  }
  gzbuffer(file, kBufferBytes);
  auto reader = std::make_unique<GzipReader>(GzipReader{file, std::move(error)});
  std::FILE* const stream =
      ::fopencookie(reader.get(), "rb", {read_gzip, nullptr, nullptr, close_gzip});
  if (stream == nullptr) {
    gzclose_r(file);
    return nullptr;
  }
  static_cast<void>(reader.release());  // The stream's, which closes it.
  return stream;
}

}  // namespace lossy
