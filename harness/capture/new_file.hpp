// A file that appears under its name whole, or not at all.
#pragma once

#include <string>

namespace lossy {

// What is written goes to a temporary file beside the one asked for, which takes its name in
// commit() and is removed when that never happens. A symbolic link is followed. What exists and is
// not a regular file (a pipe, a terminal, /dev/stdout) is written to directly.
// The operating system's refusals are thrown as std::system_error, naming the path.
class NewFile {
 public:
  explicit NewFile(const std::string& path);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  // The open descriptor, which is the caller's from now on: once.
  int take_descriptor();

  // Call once, when all was written and closed.
  void commit();

  // As it was asked for.
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::string final_path_;
  std::string temporary_path_;  // Empty when there is none, or none any more.
  int descriptor_ = -1;
};

}  // namespace lossy
