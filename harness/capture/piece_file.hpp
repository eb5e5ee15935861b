// A file that is written piece by piece, each of which is there in full or not at all: records of a
// capture, blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <lossy/harness/capture/new_file.hpp>

namespace lossy {

// The file has its name only after finish(); without it nothing is left behind (see NewFile), but
// of a process that is killed what was flushed, where the file begins with a temporary name.
// The operating system's refusals, now or while writing, are thrown as std::system_error. While
// is_open() after such a refusal, finish() keeps the pieces that were written before.
class PieceFile {
 public:
  // A piece has at most `piece_bytes_max` bytes.
  PieceFile(const std::string& path, std::size_t piece_bytes_max, NewFile::Until until);
  // Writes to an open descriptor, which is closed with it; `name` is what errors call it. After a
  // refusal the last piece there may be cut off.
  PieceFile(int descriptor, const std::string& name, std::size_t piece_bytes_max);
  // To the end of what is in memory, which outlives this.
  PieceFile(std::vector<std::byte>& memory, std::size_t piece_bytes_max);
  ~PieceFile();
  PieceFile(const PieceFile&) = delete;
  PieceFile& operator=(const PieceFile&) = delete;

  // The next piece, for the caller to fill in before the next call.
  enum class Kind : std::uint8_t { kHead, kRecord };
  std::span<std::byte> append(std::size_t bytes, Kind kind);
  // Hands on what was written, so that whoever reads along has it.
  void flush();
  void finish();
  // The same with one more piece, which belongs so many bytes behind the beginning. Where that
  // cannot be, in a pipe, it comes last.
  void finish_with(std::span<const std::byte> piece, std::uint64_t at);

  bool is_open() const { return descriptor_ >= 0 || memory_ != nullptr; }
  std::uint64_t records() const { return records_; }
  std::uint64_t bytes() const { return handed_on_ + filled_; }
  [[noreturn]] void refuse(int error) const;

 private:
  struct Piece {
    std::size_t end = 0;  // In the buffer.
    Kind kind = Kind::kHead;
  };

  PieceFile(const std::string& name, std::size_t piece_bytes_max);
  void make_room(std::size_t bytes);
  bool can_insert() const;
  void write_all(int descriptor, std::span<const std::byte> bytes) const;
  void copy(int from, std::uint64_t at, std::uint64_t bytes, int to) const;
  void keep_whole_pieces(std::size_t bytes);

  std::string name_;
  NewFile::Until until_ = NewFile::Until::kNameless;
  std::optional<NewFile> file_;
  int descriptor_ = -1;
  std::vector<std::byte>* memory_ = nullptr;  // Instead of either.
  std::size_t piece_bytes_max_;
  std::unique_ptr<std::byte[]> buffer_;
  std::size_t buffer_bytes_ = 0;
  std::vector<Piece> pieces_;    // In the buffer.
  std::size_t filled_ = 0;       // Of the buffer.
  std::uint64_t handed_on_ = 0;  // Bytes that left the buffer before.
  std::uint64_t records_ = 0;
};

}  // namespace lossy
