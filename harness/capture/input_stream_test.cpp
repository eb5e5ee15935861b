#include "harness/capture/input_stream.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "harness/capture/files_for_test.hpp"

namespace lossy {
namespace {

std::string read_all(InputStream& stream, std::size_t buffer_bytes) {
  std::string text;
  std::string buffer(buffer_bytes, '\0');
  std::ptrdiff_t got = 0;
  while ((got = stream.read(std::as_writable_bytes(std::span(buffer)))) > 0) {
    text += buffer.substr(0, static_cast<std::size_t>(got));
  }
  EXPECT_EQ(got < 0, !stream.error().empty());
  return text;
}

// However much there is at a time, and is asked for at a time, the bytes are the same.
TEST(InputStreamTest, GivesWhatThereIs) {
  for (const std::string& text : {std::string(), std::string("x"), std::string("a plain text")}) {
    for (const std::size_t at_once : {1U, 2U, 3U, 100U}) {
      for (const std::size_t buffer_bytes : {1U, 2U, 100U}) {
        InputStream stream(as_bytes(text), at_once);
        EXPECT_EQ(read_all(stream, buffer_bytes), text);
        EXPECT_EQ(stream.error(), "");
      }
    }
  }
}

// What the operating system refuses is an error, in its words, now and later.
TEST(InputStreamTest, SaysWhyItCannotRead) {
  InputStream stream(::open("/", O_RDONLY | O_CLOEXEC));  // No directory can be read.
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(read_all(stream, 10), "");
    EXPECT_EQ(stream.error(), "Is a directory");
    EXPECT_EQ(errno, EIO);
  }
}

}  // namespace
}  // namespace lossy
