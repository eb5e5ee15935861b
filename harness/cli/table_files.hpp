// Where the tables that netem lines name are found, and what of them is read.
#pragma once

#include <string>
#include <vector>

#include <lossy/harness/cli/files.hpp>
#include <lossy/harness/link/netem.hpp>

namespace lossy {

// Whether a distribution's name is that of a file: it has a "/", or ".dist" at its end.
bool is_table_path(const std::string& name);

// Whatever was given can be said again as a line or in a timeline: white space and semicolons are
// refused, with a TextError.
void check_table_path(const std::string& path);

// Reads them from the disk, as tc does, and remembers which: a distribution with a "/" in its name
// or ".dist" at its end is a file; any other is NAME.dist in $TC_LIB_DIR or where iproute2 installs
// its own. A trace is a file. What cannot be read is a std::system_error that names the file, and a
// name that a netem line could not say a TextError.
class DiskTables {
 public:
  // For parse_netem(); this must outlive it.
  TableFiles files();

  std::string distribution(const std::string& name);
  std::string trace(const std::string& path);

  // Those that were read.
  const std::vector<NamedFile>& files_read() const { return files_read_; }

 private:
  std::string read(const char* what, const std::string& path, std::size_t bytes_max);

  std::vector<NamedFile> files_read_;
};

}  // namespace lossy
