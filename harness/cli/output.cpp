#include <lossy/harness/cli/output.hpp>

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <span>
#include <system_error>

#include <lossy/harness/capture/stoppable_write.hpp>

namespace lossy {
namespace {

struct Stream {
  int descriptor;
  std::atomic<int> failure{0};  // What errno said when it ended, or 0.
};

Stream standard_output{STDOUT_FILENO};
Stream errors{STDERR_FILENO};
std::atomic<bool> output_keeps_failure = false;

// Whether nobody who prints there is told that it has failed.
bool is_silent(const Stream& stream) {
  if (&stream == &standard_output) return output_keeps_failure;
  return stream.failure == EPIPE || stream.failure == ECANCELED;
}

// What fopencookie(3) calls to write: fewer bytes than were given are a failure.
::ssize_t write_stream(void* cookie, const char* data, std::size_t size) {
  Stream& stream = *static_cast<Stream*>(cookie);
  auto left = std::as_bytes(std::span(data, size));
  while (!left.empty() && stream.failure == 0) {
    const ::ssize_t written = stoppable_write(stream.descriptor, left);
    if (written >= 0) left = left.subspan(static_cast<std::size_t>(written));
    if (written < 0 && errno != EINTR) stream.failure = errno;
  }
  if (left.empty() || is_silent(stream)) return static_cast<::ssize_t>(size);
  errno = stream.failure;
  return static_cast<::ssize_t>(size - left.size());
}

void take_over(std::FILE*& file, Stream& stream, int buffering) {
  std::FILE* const ours = ::fopencookie(
      &stream, "w", {.read = nullptr, .write = write_stream, .seek = nullptr, .close = nullptr});
  if (ours == nullptr) return;  // For want of memory: then it stays as it is.
  std::setvbuf(ours, nullptr, buffering, BUFSIZ);
  file = ours;
}

}  // namespace

void take_over_output() {
  take_over(stdout, standard_output, ::isatty(STDOUT_FILENO) == 1 ? _IOLBF : _IOFBF);
  take_over(stderr, errors, _IONBF);
}

int descriptor_of(std::FILE* stream) {
  if (stream == stdout) return standard_output.descriptor;
  return stream == stderr ? errors.descriptor : ::fileno(stream);
}

void keep_output_failure() {
  output_keeps_failure = true;
}

bool output_failed() {
  return standard_output.failure != 0;
}

std::system_error output_failure() {
  return {standard_output.failure, std::generic_category(), "cannot write to standard output"};
}

void check_output() {
  if (output_failed()) throw output_failure();
}

void flush_output() {
  const bool failed = std::fflush(stdout) != 0 || std::ferror(stdout) != 0;
  if (output_keeps_failure) return;
  check_output();
  if (failed) {
    throw std::system_error(errno, std::generic_category(), "cannot write to standard output");
  }
}

}  // namespace lossy
