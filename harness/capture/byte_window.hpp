// A window that moves over a stream: so many of its next bytes at a time, side by side.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include <lossy/harness/capture/input_stream.hpp>

namespace lossy {

class ByteWindow {
 public:
  explicit ByteWindow(std::unique_ptr<InputStream> stream) : stream_(std::move(stream)) {}

  // Whether so many bytes follow. Reads until they are there, which may move those that are. Memory
  // is taken as they arrive.
  bool has(std::size_t bytes) { return there() >= bytes || read_on(bytes); }

  // The bytes that are there, valid until the next has(): as many as that was asked for, or more.
  std::span<std::byte> front() { return {buffer_.get() + begin_, there()}; }

  // Moves the window over bytes that are there.
  void pass(std::size_t bytes) { begin_ += bytes; }

  // As read(2): takes the bytes that are there, and then those of the stream.
  std::ptrdiff_t read(std::span<std::byte> buffer);

  // Why the stream ended, when that was not its end.
  const std::string& error() const { return stream_->error(); }

 private:
  std::size_t there() const { return end_ - begin_; }
  bool read_on(std::size_t bytes);

  std::unique_ptr<InputStream> stream_;
  std::unique_ptr<std::byte[]> buffer_;  // From begin_ to end_.
  std::size_t room_ = 0;                 // In it.
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace lossy
