#include "harness/capture/unpacker.hpp"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <new>

#include "core/check.hpp"

namespace lossy {
namespace {

using Bytes = std::span<const std::byte>;

// As much as a library counts in an int.
template <typename Byte>
uInt available(std::span<Byte> bytes) {
  return static_cast<uInt>(std::min<std::size_t>(bytes.size(), std::numeric_limits<int>::max()));
}

class GzipUnpacker final : public Unpacker {
 public:
  GzipUnpacker() {
    constexpr int kGzipOnly = 16 + MAX_WBITS;  // In zlib's words: a header and a trailer as gzip's.
    if (inflateInit2(&zlib_, kGzipOnly) != Z_OK) throw std::bad_alloc();
  }
  ~GzipUnpacker() override { inflateEnd(&zlib_); }

  Outcome unpack(Bytes& in, std::span<std::byte>& out) override {
    zlib_.next_in = reinterpret_cast<z_const Bytef*>(const_cast<std::byte*>(in.data()));
    zlib_.avail_in = available(in);
    zlib_.next_out = reinterpret_cast<Bytef*>(out.data());
    zlib_.avail_out = available(out);
    const uInt in_before = zlib_.avail_in;
    const uInt out_before = zlib_.avail_out;
    const int outcome = inflate(&zlib_, Z_SYNC_FLUSH);
    in = in.subspan(in_before - zlib_.avail_in);
    out = out.subspan(out_before - zlib_.avail_out);
    if (outcome == Z_STREAM_END) return Outcome::kEnded;
    if (outcome == Z_OK || outcome == Z_BUF_ERROR) return Outcome::kGoesOn;
    return fail(std::string("are damaged: ") +
                (zlib_.msg != nullptr ? zlib_.msg : zError(outcome)));
  }

 private:
  z_stream zlib_{};
};

}  // namespace

Packing packing_of(Bytes start) {
  const bool is_gzip =
      start.size() >= 2 && start[0] == std::byte{0x1F} && start[1] == std::byte{0x8B};
  return is_gzip ? Packing::kGzip : Packing::kNone;
}

std::unique_ptr<Unpacker> make_unpacker(Packing packing) {
  check(packing == Packing::kGzip, "make_unpacker: nothing was packed");
  return std::make_unique<GzipUnpacker>();
}

}  // namespace lossy
