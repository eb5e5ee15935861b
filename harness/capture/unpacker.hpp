// What gzip, zstd, lz4, xz and bzip2 have packed, as it was before: a step at a time, in memory
// that is bounded whatever was packed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

namespace lossy {

enum class Packing : std::uint8_t { kNone, kGzip, kZstd, kLz4, kXz, kBzip2 };

// What bytes are packed with, by how they begin. So many of them are enough to tell.
Packing packing_of(std::span<const std::byte> start);
inline constexpr std::size_t kPackingBytes = 6;

// The most memory that what was packed may ask for. Each program's strongest level takes less.
inline constexpr std::size_t kUnpackerBytesMax = std::size_t{1} << 27;

class Unpacker {
 public:
  enum class Outcome : std::uint8_t {
    kGoesOn,
    kEnded,   // What was packed ends here. What stands behind it is for an unpacker of its own.
    kFailed,  // It makes no sense: error() says why. What came before it is good.
  };

  virtual ~Unpacker() = default;

  // Unpacks the front of `in` to the front of `out`, and cuts off both what it has used. Where
  // `out` becomes full there may be more to come, without any `in`.
  virtual Outcome unpack(std::span<const std::byte>& in, std::span<std::byte>& out) = 0;

  // In words that go behind "its compressed bytes"; or nothing.
  const std::string& error() const { return error_; }

 protected:
  Outcome fail(std::string why) {
    error_ = std::move(why);
    return Outcome::kFailed;
  }

 private:
  std::string error_;
};

// Throws std::bad_alloc.
std::unique_ptr<Unpacker> make_unpacker(Packing packing);

}  // namespace lossy
