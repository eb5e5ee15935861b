#include <lossy/harness/capture/unpacker.hpp>

#include <bzlib.h>
#include <lz4frame.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <new>
#include <string_view>

#include <lossy/core/check.hpp>

namespace lossy {
namespace {

using Bytes = std::span<const std::byte>;
using Room = std::span<std::byte>;

constexpr const char* kTooLarge = "want more than 128 MiB of memory to be unpacked";
constexpr std::size_t kLz4HeaderBytesMin = 7;
static_assert(kUnpackerBytesMax == std::size_t{128} << 20);

// What zlib, bzip2 and xz have in common: a structure with the ends of both, which their functions
// move. They count in 32 bits, or more.
template <typename In, typename Out, typename Count>
class Ends {
 public:
  Ends(Bytes& in, Room& out, In*& next_in, Count& in_left, Out*& next_out, Count& out_left)
      : in_(in), out_(out), in_left_(in_left), out_left_(out_left) {
    next_in = reinterpret_cast<In*>(const_cast<std::byte*>(in.data()));
    next_out = reinterpret_cast<Out*>(out.data());
    in_left = in_before_ = count(in.size());
    out_left = out_before_ = count(out.size());
  }
  // Cuts off what was used.
  void move() {
    in_ = in_.subspan(in_before_ - in_left_);
    out_ = out_.subspan(out_before_ - out_left_);
  }

 private:
  static Count count(std::size_t size) {
    return static_cast<Count>(std::min<std::size_t>(size, std::numeric_limits<int>::max()));
  }

  Bytes& in_;
  Room& out_;
  const Count& in_left_;
  const Count& out_left_;
  Count in_before_;
  Count out_before_;
};

class GzipUnpacker final : public Unpacker {
 public:
  GzipUnpacker() {
    constexpr int kGzipOnly = 16 + MAX_WBITS;  // In zlib's words: a header and a trailer as gzip's.
    if (inflateInit2(&zlib_, kGzipOnly) != Z_OK) throw std::bad_alloc();
  }
  ~GzipUnpacker() override { inflateEnd(&zlib_); }

  Outcome unpack(Bytes& in, Room& out) override {
    Ends ends(in, out, zlib_.next_in, zlib_.avail_in, zlib_.next_out, zlib_.avail_out);
    const int outcome = inflate(&zlib_, Z_SYNC_FLUSH);
    ends.move();
    if (outcome == Z_STREAM_END) return Outcome::kEnded;
    if (outcome == Z_OK || outcome == Z_BUF_ERROR) return Outcome::kGoesOn;
    return fail(std::string("are damaged: ") +
                (zlib_.msg != nullptr ? zlib_.msg : zError(outcome)));
  }

 private:
  z_stream zlib_{};
};

class Bzip2Unpacker final : public Unpacker {
 public:
  Bzip2Unpacker() {
    if (BZ2_bzDecompressInit(&bzip2_, 0, 0) != BZ_OK) throw std::bad_alloc();
  }
  ~Bzip2Unpacker() override { BZ2_bzDecompressEnd(&bzip2_); }

  Outcome unpack(Bytes& in, Room& out) override {
    Ends ends(in, out, bzip2_.next_in, bzip2_.avail_in, bzip2_.next_out, bzip2_.avail_out);
    const int outcome = BZ2_bzDecompress(&bzip2_);
    ends.move();
    if (outcome == BZ_STREAM_END) return Outcome::kEnded;
    if (outcome == BZ_OK) return Outcome::kGoesOn;
    return fail("are damaged");
  }

 private:
  bz_stream bzip2_{};
};

class XzUnpacker final : public Unpacker {
 public:
  XzUnpacker() {
    if (lzma_stream_decoder(&lzma_, kUnpackerBytesMax, 0) != LZMA_OK) throw std::bad_alloc();
  }
  ~XzUnpacker() override { lzma_end(&lzma_); }

  Outcome unpack(Bytes& in, Room& out) override {
    Ends ends(in, out, lzma_.next_in, lzma_.avail_in, lzma_.next_out, lzma_.avail_out);
    const lzma_ret outcome = lzma_code(&lzma_, LZMA_RUN);
    ends.move();
    if (outcome == LZMA_STREAM_END) return Outcome::kEnded;
    if (outcome == LZMA_OK || outcome == LZMA_BUF_ERROR) return Outcome::kGoesOn;
    return fail(outcome == LZMA_MEMLIMIT_ERROR ? kTooLarge : "are damaged");
  }

 private:
  lzma_stream lzma_ = LZMA_STREAM_INIT;
};

// zstd and lz4 say how many bytes they want next, and with more of them would give nothing of what
// stands in front of an error.
class ZstdUnpacker final : public Unpacker {
 public:
  ZstdUnpacker() : zstd_(ZSTD_createDCtx()) {
    if (zstd_ == nullptr) throw std::bad_alloc();
    wanted_bytes_ = ZSTD_initDStream(zstd_);
    ZSTD_DCtx_setParameter(zstd_, ZSTD_d_windowLogMax,
                           static_cast<int>(std::bit_width(kUnpackerBytesMax)) - 1);
  }
  ~ZstdUnpacker() override { ZSTD_freeDCtx(zstd_); }

  Outcome unpack(Bytes& in, Room& out) override {
    ZSTD_inBuffer from{in.data(), std::min(in.size(), wanted_bytes_), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    const std::size_t outcome = ZSTD_decompressStream(zstd_, &to, &from);
    in = in.subspan(from.pos);
    out = out.subspan(to.pos);
    wanted_bytes_ = outcome;
    if (outcome == 0) return Outcome::kEnded;
    if (ZSTD_isError(outcome) == 0) return Outcome::kGoesOn;
    return fail(ZSTD_getErrorCode(outcome) == ZSTD_error_frameParameter_windowTooLarge
                    ? kTooLarge
                    : std::string("are damaged: ") + ZSTD_getErrorName(outcome));
  }

 private:
  ZSTD_DCtx* zstd_;
  std::size_t wanted_bytes_ = 0;
};

class Lz4Unpacker final : public Unpacker {
 public:
  Lz4Unpacker() {
    if (LZ4F_isError(LZ4F_createDecompressionContext(&lz4_, LZ4F_VERSION)) != 0) {
      throw std::bad_alloc();
    }
  }
  ~Lz4Unpacker() override { LZ4F_freeDecompressionContext(lz4_); }

  Outcome unpack(Bytes& in, Room& out) override {
    std::size_t from_bytes = std::min(in.size(), wanted_bytes_);
    std::size_t to_bytes = out.size();
    const std::size_t outcome =
        LZ4F_decompress(lz4_, out.data(), &to_bytes, in.data(), &from_bytes, nullptr);
    if (LZ4F_isError(outcome) != 0) {
      return fail(std::string("are damaged: ") + LZ4F_getErrorName(outcome));
    }
    in = in.subspan(from_bytes);
    out = out.subspan(to_bytes);
    wanted_bytes_ = outcome;
    return outcome == 0 ? Outcome::kEnded : Outcome::kGoesOn;
  }

 private:
  LZ4F_dctx* lz4_ = nullptr;
  std::size_t wanted_bytes_ = kLz4HeaderBytesMin;
};

bool begins_with(Bytes bytes, std::string_view text) {
  return bytes.size() >= text.size() &&
         std::ranges::equal(bytes.first(text.size()), std::as_bytes(std::span(text)));
}

}  // namespace

Packing packing_of(Bytes start) {
  using namespace std::string_view_literals;
  constexpr std::array kMagics = {std::pair{Packing::kGzip, "\x1F\x8B"sv},
                                  std::pair{Packing::kZstd, "\x28\xB5\x2F\xFD"sv},
                                  std::pair{Packing::kLz4, "\x04\x22\x4D\x18"sv},
                                  std::pair{Packing::kXz,
                                            "\xFD"
                                            "7zXZ\0"sv}};
  for (const auto& [packing, magic] : kMagics) {
    if (begins_with(start, magic)) return packing;
  }
  if (begins_with(start, "BZh") && start.size() > 3 && start[3] >= std::byte{'1'} &&
      start[3] <= std::byte{'9'}) {
    return Packing::kBzip2;
  }
  // A frame of zstd that is to be skipped, with which pzstd begins.
  if (start.size() >= 4 && (start[0] & std::byte{0xF0}) == std::byte{0x50} &&
      begins_with(start.subspan(1), "\x2A\x4D\x18")) {
    return Packing::kZstd;
  }
  return Packing::kNone;
}

std::unique_ptr<Unpacker> make_unpacker(Packing packing) {
  switch (packing) {
    case Packing::kGzip:
      return std::make_unique<GzipUnpacker>();
    case Packing::kZstd:
      return std::make_unique<ZstdUnpacker>();
    case Packing::kLz4:
      return std::make_unique<Lz4Unpacker>();
    case Packing::kXz:
      return std::make_unique<XzUnpacker>();
    case Packing::kBzip2:
      return std::make_unique<Bzip2Unpacker>();
    case Packing::kNone:
      break;
  }
  check(false, "make_unpacker: nothing was packed");
  return nullptr;
}

}  // namespace lossy
