// The bytes of a file, a pipe or memory, unpacked where they are packed: their beginning tells.
#pragma once

#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <lossy/harness/capture/unpacker.hpp>

namespace lossy {

class InputStream {
 public:
  // The descriptor need not be seekable, and is closed with the stream.
  explicit InputStream(int descriptor) : descriptor_(descriptor) {}
  // The bytes outlive the stream, which has at most so many of them at a time, as a pipe may.
  explicit InputStream(std::span<const std::byte> memory,
                       std::size_t at_once_max = std::numeric_limits<std::size_t>::max())
      : memory_(memory), at_once_max_(at_once_max) {}
  ~InputStream();
  InputStream(const InputStream&) = delete;
  InputStream& operator=(const InputStream&) = delete;

  // As read(2): waits for the first bytes there are and for no more, so that who writes a pipe
  // slowly is read at once. Where it fails it fails from then on.
  std::ptrdiff_t read(std::span<std::byte> buffer);

  // Why read() has failed, in words without a name; or nothing.
  const std::string& error() const { return error_; }

 private:
  std::ptrdiff_t read_source(std::span<std::byte> buffer);
  std::ptrdiff_t fetch();
  bool await(std::size_t bytes);
  bool begin_next();
  std::ptrdiff_t read_plain(std::span<std::byte> buffer);
  std::ptrdiff_t read_packed(std::span<std::byte> buffer);

  std::span<const std::byte> waiting() const { return {fetched_.get() + begin_, end_ - begin_}; }

  int descriptor_ = -1;  // Below zero for memory.
  std::span<const std::byte> memory_;
  std::size_t at_once_max_ = 0;
  std::optional<Packing> packing_;        // As soon as it is known.
  std::unique_ptr<Unpacker> unpacker_;    // Of what is being unpacked.
  bool more_to_come_ = false;             // Of what the unpacker has already.
  std::unique_ptr<std::byte[]> fetched_;  // From begin_ to end_.
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::string failure_;  // What the next read() says.
  std::string error_;
};

}  // namespace lossy
