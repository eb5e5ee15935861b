// A file that appears under its name whole, or not at all.
#pragma once

#include <cstdint>
#include <string>

namespace lossy {

// What is written goes to a file without a name, which gets the one asked for in commit() and is
// gone when that never happens, even if the process is killed. Where the file system has no such
// files it has a temporary name beside the other, which only a process that is killed leaves there.
// A symbolic link is followed. What exists and is not a regular file (a pipe, a terminal,
// /dev/stdout) is written to directly. The operating system's refusals are thrown as
// std::system_error, naming the path.
class NewFile {
 public:
  enum class Until : std::uint8_t { kNameless, kTemporaryName };

  // `until` is how to begin: kTemporaryName is for tests of what happens elsewhere.
  explicit NewFile(const std::string& path, Until until = Until::kNameless);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  // The open descriptor, which is the caller's from now on: once.
  int take_descriptor();

  // Call once, when all was written and closed. What had the name before is replaced.
  void commit();

  // As it was asked for.
  const std::string& path() const { return path_; }

 private:
  bool open_nameless();
  void open_temporary();
  void link_temporary();

  std::string path_;
  std::string final_path_;
  std::string temporary_path_;  // Empty when there is none, or none any more.
  int descriptor_ = -1;         // The caller's.
  int nameless_ = -1;           // The file that has no name yet: it lives as long as this is open.
};

}  // namespace lossy
