// A file that appears under its name whole, or not at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace lossy {

// What is written goes to a file without a name, which gets the one asked for in commit() and is
// gone when that never happens, even if the process is killed. Where the file system has no such
// files, or it is asked for, it has a temporary name beside the other, "seen.pcap.1234-1.part" with
// the process's number, which only a process that is killed leaves there.
// A symbolic link is followed. What exists and is not a regular file (a pipe, a terminal,
// /dev/stdout) is written to directly. The operating system's refusals are thrown as
// std::system_error, naming the path.
class NewFile {
 public:
  enum class Until : std::uint8_t { kNameless, kTemporaryName };

  // `until` is how to begin. Half of some files is of use: those begin with a temporary name.
  explicit NewFile(const std::string& path, Until until = Until::kNameless);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  // The open descriptor, which is the caller's from now on: once.
  int take_descriptor();

  // Call once, when all was written and closed. What had the name before is replaced.
  void commit();

  // All three in one: writes what the file is to hold, closes it and gives it its name.
  void write_whole(std::span<const std::byte> content);
  void write_whole(std::string_view content) { write_whole(std::as_bytes(std::span(content))); }

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
