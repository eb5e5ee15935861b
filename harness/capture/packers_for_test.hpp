// What gzip and its like make of bytes, for those who test what unpacks them.
#pragma once

#include <bzlib.h>
#include <lz4frame.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <stdexcept>
#include <string>
#include <vector>

#include <lossy/harness/capture/unpacker.hpp>

namespace lossy {

inline constexpr std::array kPackings = {Packing::kGzip, Packing::kZstd, Packing::kLz4,
                                         Packing::kXz, Packing::kBzip2};

// One that packs a part at a time. What it gives of a part is enough to have that part again, but
// for bzip2, which keeps some bits for later.
class Packer {
 public:
  explicit Packer(Packing packing) : packing_(packing) {
    constexpr int kGzip = 16 + MAX_WBITS;
    bool good = true;
    switch (packing) {
      case Packing::kGzip:
        good = deflateInit2(&zlib_, 9, Z_DEFLATED, kGzip, 9, Z_DEFAULT_STRATEGY) == Z_OK;
        break;
      case Packing::kZstd:
        zstd_ = ZSTD_createCCtx();
        ZSTD_CCtx_setParameter(zstd_, ZSTD_c_checksumFlag, 1);
        break;
      case Packing::kLz4:
        preferences_.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
        good = LZ4F_isError(LZ4F_createCompressionContext(&lz4_, LZ4F_VERSION)) == 0;
        break;
      case Packing::kXz:
        good = lzma_easy_encoder(&lzma_, 1, LZMA_CHECK_CRC64) == LZMA_OK;
        break;
      case Packing::kBzip2:
        good = BZ2_bzCompressInit(&bzip2_, 1, 0, 0) == BZ_OK;
        break;
      case Packing::kNone:
        break;
    }
    if (!good) throw std::runtime_error("a packer cannot begin");
  }
  Packer(const Packer&) = delete;
  Packer& operator=(const Packer&) = delete;
  ~Packer() {
    deflateEnd(&zlib_);
    ZSTD_freeCCtx(zstd_);
    LZ4F_freeCompressionContext(lz4_);
    lzma_end(&lzma_);
    BZ2_bzCompressEnd(&bzip2_);
  }

  std::string add(std::string text, bool is_end = false) {
    std::string packed(text.size() * 2 + 4096, '\0');
    const std::size_t size = add(text, packed, is_end);
    if (size > packed.size()) throw std::runtime_error("a packer cannot go on");
    packed.resize(size);
    return packed;
  }

 private:
  static unsigned count(const std::string& text) { return static_cast<unsigned>(text.size()); }

  std::size_t add(std::string& text, std::string& packed, bool is_end) {
    switch (packing_) {
      case Packing::kNone:
        packed = text;
        return text.size();
      case Packing::kGzip:
        zlib_.next_in = reinterpret_cast<Bytef*>(text.data());
        zlib_.avail_in = count(text);
        zlib_.next_out = reinterpret_cast<Bytef*>(packed.data());
        zlib_.avail_out = count(packed);
        deflate(&zlib_, is_end ? Z_FINISH : Z_SYNC_FLUSH);
        return packed.size() - zlib_.avail_out;
      case Packing::kZstd: {
        ZSTD_inBuffer in{text.data(), text.size(), 0};
        ZSTD_outBuffer out{packed.data(), packed.size(), 0};
        ZSTD_compressStream2(zstd_, &out, &in, is_end ? ZSTD_e_end : ZSTD_e_flush);
        return out.pos;
      }
      case Packing::kLz4:
        return add_to_lz4(text, packed, is_end);
      case Packing::kXz:
        lzma_.next_in = reinterpret_cast<const std::uint8_t*>(text.data());
        lzma_.avail_in = text.size();
        lzma_.next_out = reinterpret_cast<std::uint8_t*>(packed.data());
        lzma_.avail_out = packed.size();
        if (lzma_code(&lzma_, is_end ? LZMA_FINISH : LZMA_SYNC_FLUSH) != LZMA_STREAM_END) break;
        return packed.size() - lzma_.avail_out;
      case Packing::kBzip2:
        bzip2_.next_in = text.data();
        bzip2_.avail_in = count(text);
        bzip2_.next_out = packed.data();
        bzip2_.avail_out = count(packed);
        BZ2_bzCompress(&bzip2_, is_end ? BZ_FINISH : BZ_FLUSH);
        return packed.size() - bzip2_.avail_out;
    }
    throw std::runtime_error("a packer cannot go on");
  }

  std::size_t add_to_lz4(const std::string& text, std::string& packed, bool is_end) {
    std::size_t at = 0;
    const auto take = [&](std::size_t size) { at += size; };  // An error is larger than any size.
    const auto room = [&] { return packed.size() - at; };
    if (!begun_) take(LZ4F_compressBegin(lz4_, packed.data(), room(), &preferences_));
    begun_ = true;
    take(LZ4F_compressUpdate(lz4_, packed.data() + at, room(), text.data(), text.size(), nullptr));
    take(is_end ? LZ4F_compressEnd(lz4_, packed.data() + at, room(), nullptr)
                : LZ4F_flush(lz4_, packed.data() + at, room(), nullptr));
    return at;
  }

  Packing packing_;
  z_stream zlib_{};
  ZSTD_CCtx* zstd_ = nullptr;
  LZ4F_cctx* lz4_ = nullptr;
  LZ4F_preferences_t preferences_{};
  bool begun_ = false;
  lzma_stream lzma_ = LZMA_STREAM_INIT;
  bz_stream bzip2_{};
};

// What such a program makes of a file.
inline std::string packed(Packing packing, const std::string& text) {
  return Packer(packing).add(text, true);
}

}  // namespace lossy
