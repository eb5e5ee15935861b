#include <lossy/harness/capture/input_stream.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <lzma.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <vector>

#include <lossy/harness/capture/files_for_test.hpp>
#include <lossy/harness/capture/packers_for_test.hpp>

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

// The same of what is packed, whatever it is packed with: in parts, too, with zeros between them.
TEST(InputStreamTest, UnpacksWhatThereIs) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += std::to_string(i * i % 377);
  for (const Packing packing : kPackings) {
    const std::string content = packed(packing, text) + packed(packing, "") + std::string(4, '\0') +
                                packed(packing, "the end");
    for (const std::size_t at_once : {1U, 7U, 100'000U}) {
      for (const std::size_t buffer_bytes : {1U, 13U, 100'000U}) {
        InputStream stream(as_bytes(content), at_once);
        EXPECT_EQ(read_all(stream, buffer_bytes), text + "the end") << static_cast<int>(packing);
        EXPECT_EQ(stream.error(), "");
      }
    }
  }
}

// What is in the packed bytes already is given before more of them are waited for.
TEST(InputStreamTest, WaitsForNothingThatItHas) {
  ::alarm(60);  // Else a stream that waits would wait for good.
  for (const Packing packing : kPackings) {
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    const std::string text(100'000, 'x');
    const std::string content = packed(packing, text);
    ASSERT_EQ(::write(pipe[1], content.data(), content.size()), std::ssize(content));
    InputStream stream(pipe[0]);
    std::string buffer(1000, '\0');
    for (std::size_t got = 0; got < text.size();) {  // The writer has not ended.
      const auto size = stream.read(std::as_writable_bytes(std::span(buffer)));
      ASSERT_GT(size, 0);
      got += static_cast<std::size_t>(size);
    }
    ::close(pipe[1]);
    EXPECT_EQ(read_all(stream, 10), "");
    EXPECT_EQ(stream.error(), "");
  }
  ::alarm(0);
}

// What would take more memory than there may be is refused by name. (A frame of zstd whose window
// is 2 GiB; a file of xz whose dictionary is as large.)
TEST(InputStreamTest, RefusesWhatTakesTooMuchMemory) {
  const std::string zstd("\x28\xB5\x2F\xFD\x00\xA8\x01\x00\x00", 9);
  lzma_stream_flags flags{};
  flags.check = LZMA_CHECK_CRC32;
  std::array<std::uint8_t, LZMA_STREAM_HEADER_SIZE> stream_header{};
  ASSERT_EQ(lzma_stream_header_encode(&flags, stream_header.data()), LZMA_OK);
  lzma_options_lzma options{};
  ASSERT_FALSE(lzma_lzma_preset(&options, 0));
  options.dict_size = std::uint32_t{1} << 31;
  std::array<lzma_filter, 2> filters = {
      {{LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, nullptr}}};
  lzma_block block{};
  block.check = LZMA_CHECK_CRC32;
  block.compressed_size = LZMA_VLI_UNKNOWN;
  block.uncompressed_size = LZMA_VLI_UNKNOWN;
  block.filters = filters.data();
  ASSERT_EQ(lzma_block_header_size(&block), LZMA_OK);
  std::vector<std::uint8_t> block_header(block.header_size);
  ASSERT_EQ(lzma_block_header_encode(&block, block_header.data()), LZMA_OK);
  const std::string xz = std::string(stream_header.begin(), stream_header.end()) +
                         std::string(block_header.begin(), block_header.end()) + "x";
  for (const std::string& content : {zstd, xz}) {
    InputStream stream(as_bytes(content));
    EXPECT_EQ(read_all(stream, 10), "");
    EXPECT_EQ(stream.error(),
              "its compressed bytes want more than 128 MiB of memory to be unpacked");
  }
}

// pzstd begins with a frame that is to be skipped.
TEST(InputStreamTest, SkipsFramesOfZstd) {
  const std::string content =
      std::string("\x50\x2A\x4D\x18\x04\x00\x00\x00skip", 12) + packed(Packing::kZstd, "text");
  InputStream stream(as_bytes(content));
  EXPECT_EQ(read_all(stream, 10), "text");
  EXPECT_EQ(stream.error(), "");
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
