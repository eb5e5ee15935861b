#include <lossy/harness/capture/new_file.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include <lossy/core/check.hpp>

namespace lossy {
namespace {

constexpr ::mode_t kMode = 0666;  // What the umask leaves of it.

[[noreturn]] void refuse(int error, const std::string& path) {
  throw std::system_error(error, std::generic_category(), "cannot create '" + path + "'");
}

// Unlike any other that is being written, here or in another process.
std::string temporary_beside(const std::string& path) {
  static std::atomic<unsigned> count = 0;
  return path + '.' + std::to_string(::getpid()) + '-' + std::to_string(++count) + ".part";
}

// What the name leads to: renaming must replace the file, not the link to it.
std::string without_links(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_symlink(path, error)) return path;
  const auto target = std::filesystem::canonical(path, error);
  if (error) refuse(error.value(), path);
  return target.string();
}

std::string folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

// How the kernel calls an open file, whatever other name it has or lacks.
std::string name_of(int descriptor) {
  return "/proc/self/fd/" + std::to_string(descriptor);
}

}  // namespace

NewFile::NewFile(const std::string& path, Until until) : path_(path), final_path_(path) {
  if (path.empty()) refuse(ENOENT, path);
  struct stat status {};
  const bool exists = ::stat(path.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) refuse(EISDIR, path);
  if (exists && !S_ISREG(status.st_mode)) {
    descriptor_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor_ < 0) refuse(errno, path);
    return;
  }
  // Renaming would replace even a file that must not be written.
  if (exists && ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) != 0) refuse(errno, path);
  final_path_ = without_links(path);
  if (until == Until::kTemporaryName || !open_nameless()) open_temporary();
  // Whoever could read the file before, and nobody else, can read it after.
  // (Where the file system has no such thing, there is nothing to keep.)
  if (exists) (void)::fchmod(descriptor_, status.st_mode & 07777);
}

NewFile::~NewFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (nameless_ >= 0) ::close(nameless_);
  if (!temporary_path_.empty()) ::unlink(temporary_path_.c_str());
}

// Whether there is such a file now, and a way to name it later.
bool NewFile::open_nameless() {
  // Reading would not be needed, but some file systems refuse a nameless file without it.
  const int nameless =
      ::open(folder_of(final_path_).c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, kMode);
  if (nameless < 0) return false;
  descriptor_ = ::fcntl(nameless, F_DUPFD_CLOEXEC, 0);
  if (descriptor_ < 0 || ::access(name_of(nameless).c_str(), F_OK) != 0) {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
    ::close(nameless);
    return false;
  }
  nameless_ = nameless;
  return true;
}

void NewFile::open_temporary() {
  const std::string temporary = temporary_beside(final_path_);
  ::unlink(temporary.c_str());  // Left behind by a process of the same number that was killed.
  descriptor_ = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kMode);
  if (descriptor_ < 0) refuse(errno, path_);
  temporary_path_ = temporary;
}

int NewFile::take_descriptor() {
  check(descriptor_ >= 0, "NewFile: the descriptor was taken before");
  return std::exchange(descriptor_, -1);
}

void NewFile::write_whole(std::span<const std::byte> content) {
  const int descriptor = take_descriptor();
  int error = 0;
  while (!content.empty() && error == 0) {
    const ::ssize_t written = ::write(descriptor, content.data(), content.size());
    if (written >= 0) {
      content = content.subspan(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      error = errno;
    }
  }
  if (::close(descriptor) != 0 && error == 0) error = errno;
  if (error != 0) {
    throw std::system_error(error, std::generic_category(), "cannot write '" + path_ + "'");
  }
  commit();
}

void NewFile::commit() {
  if (nameless_ >= 0) link_temporary();
  if (temporary_path_.empty()) return;
  if (std::rename(temporary_path_.c_str(), final_path_.c_str()) != 0) refuse(errno, path_);
  temporary_path_.clear();
}

// A name cannot be given in place of another's: where there is one, it takes a second step.
void NewFile::link_temporary() {
  const auto link = [this](const std::string& name) {
    return ::linkat(AT_FDCWD, name_of(nameless_).c_str(), AT_FDCWD, name.c_str(),
                    AT_SYMLINK_FOLLOW) == 0;
  };
  if (link(final_path_)) {
    ::close(std::exchange(nameless_, -1));
    return;
  }
  if (errno != EEXIST) refuse(errno, path_);
  const std::string temporary = temporary_beside(final_path_);
  ::unlink(temporary.c_str());
  if (!link(temporary)) refuse(errno, path_);
  temporary_path_ = temporary;
  ::close(std::exchange(nameless_, -1));
}

}  // namespace lossy
