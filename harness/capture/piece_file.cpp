#include <lossy/harness/capture/piece_file.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include <lossy/core/check.hpp>
#include <lossy/harness/capture/stoppable_write.hpp>

namespace lossy {

// What the others begin with: once it has returned, what they throw leaves nothing open.
PieceFile::PieceFile(const std::string& name, std::size_t piece_bytes_max)
    : name_(name), piece_bytes_max_(piece_bytes_max) {
  make_room(2 * piece_bytes_max);
}

void PieceFile::make_room(std::size_t bytes) {
  buffer_ = std::make_unique_for_overwrite<std::byte[]>(bytes);
  buffer_bytes_ = bytes;
}

PieceFile::PieceFile(std::vector<std::byte>& memory, std::size_t piece_bytes_max)
    : PieceFile("memory", piece_bytes_max) {
  memory_ = &memory;
}

PieceFile::PieceFile(const std::string& path, std::size_t piece_bytes_max, NewFile::Until until)
    : PieceFile(path, piece_bytes_max) {
  until_ = until;
  file_.emplace(path, until);
  descriptor_ = file_->take_descriptor();
}

PieceFile::PieceFile(int descriptor, const std::string& name, std::size_t piece_bytes_max)
    : PieceFile(name, piece_bytes_max) {
  descriptor_ = descriptor;
}

PieceFile::~PieceFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void PieceFile::refuse(int error) const {
  throw std::system_error(error, std::generic_category(), "cannot write '" + name_ + "'");
}

std::span<std::byte> PieceFile::append(std::size_t bytes, Kind kind) {
  check(is_open(), "PieceFile: append() after finish()");
  check(bytes <= piece_bytes_max_, "PieceFile: the piece is too long");
  if (filled_ + bytes > buffer_bytes_) flush();
  const std::span piece(buffer_.get() + filled_, bytes);
  filled_ += bytes;
  pieces_.push_back({filled_, kind});
  if (kind == Kind::kRecord) ++records_;
  return piece;
}

void PieceFile::flush() {
  std::size_t done = 0;
  if (memory_ != nullptr) {
    memory_->insert(memory_->end(), buffer_.get(), buffer_.get() + filled_);
    done = filled_;
  }
  while (done < filled_) {
    const ::ssize_t written = stoppable_write(descriptor_, {buffer_.get() + done, filled_ - done});
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int error = errno;
      keep_whole_pieces(done);
      refuse(error);
    }
    done += static_cast<std::size_t>(written);
  }
  pieces_.clear();
  handed_on_ += std::exchange(filled_, 0);
}

// Cuts off the piece in the midst of which the file ends, `bytes` into what is in the buffer, and
// forgets those behind it.
void PieceFile::keep_whole_pieces(std::size_t bytes) {
  std::size_t whole = 0;
  for (const Piece& piece : pieces_) {
    if (piece.end <= bytes) whole = piece.end;
    if (piece.end > bytes && piece.kind == Kind::kRecord) --records_;
  }
  pieces_.clear();
  filled_ = 0;
  handed_on_ += whole;
  // What is no new file may hold what others wrote before us.
  if (!file_) return;
  [[maybe_unused]] const int outcome = ::ftruncate(descriptor_, static_cast<::off_t>(handed_on_));
}

void PieceFile::finish() {
  check(is_open(), "PieceFile: finish() after finish()");
  flush();
  if (std::exchange(memory_, nullptr) != nullptr) return;
  // Some file systems notice only now that there is no room.
  if (::close(std::exchange(descriptor_, -1)) != 0) refuse(errno);
  if (file_) file_->commit();
}

bool PieceFile::can_insert() const {
  struct stat status {};
  return file_ && ::fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode);
}

void PieceFile::finish_with(std::span<const std::byte> piece, std::uint64_t at) {
  flush();
  if (!can_insert()) {
    piece_bytes_max_ = std::max(piece_bytes_max_, piece.size());
    if (buffer_bytes_ < piece.size()) make_room(piece.size());
    std::ranges::copy(piece, append(piece.size(), Kind::kHead).begin());
    return finish();
  }
  // A file does not make room in its midst: this is another, which takes the place of the first.
  NewFile with(name_, until_);
  const int to = with.take_descriptor();
  const int from =
      ::open(("/proc/self/fd/" + std::to_string(descriptor_)).c_str(), O_RDONLY | O_CLOEXEC);
  int error = from < 0 ? errno : 0;
  try {
    if (error != 0) refuse(error);
    copy(from, 0, at, to);
    write_all(to, piece);
    copy(from, at, handed_on_ - at, to);
  } catch (const std::system_error& refused) {
    error = refused.code().value();
  }
  if (from >= 0) ::close(from);
  if (::close(to) != 0 && error == 0) error = errno;
  if (error != 0) refuse(error);
  with.commit();
  ::close(std::exchange(descriptor_, -1));
  file_.reset();
}

void PieceFile::write_all(int descriptor, std::span<const std::byte> bytes) const {
  while (!bytes.empty()) {
    const ::ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) refuse(errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void PieceFile::copy(int from, std::uint64_t at, std::uint64_t bytes, int to) const {
  std::vector<std::byte> part(std::size_t{1} << 18);
  while (bytes > 0) {
    const ::ssize_t read = ::pread(from, part.data(), std::min<std::uint64_t>(bytes, part.size()),
                                   static_cast<::off_t>(at));
    if (read < 0 && errno == EINTR) continue;
    if (read <= 0) refuse(read < 0 ? errno : EIO);
    write_all(to, std::span(part).first(static_cast<std::size_t>(read)));
    at += static_cast<std::uint64_t>(read);
    bytes -= static_cast<std::uint64_t>(read);
  }
}

}  // namespace lossy
