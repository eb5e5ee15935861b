// A capture in one file, or in as many as it takes when none may grow beyond a size.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <lossy/harness/capture/capture_record.hpp>
#include <lossy/harness/capture/capture_writer.hpp>

namespace lossy {

class RotatingWriter {
 public:
  // With `bytes_max` the files are called "seen-00001.pcap", "seen-00002.pcap" and so on for a path
  // "seen.pcap". None is longer than that, unless a single record is. Each has its name once it is
  // complete, the last one in finish(), and replaces what had it; finish() removes files with the
  // next numbers, too: two recordings would be taken for one. Until then a file has a temporary
  // name (see NewFile), by which it is there when the process is killed. Refuses what
  // a CaptureWriter refuses. Names that end in .pcapng are written as that.
  RotatingWriter(const std::string& path, const CaptureHead& head,
                 std::optional<std::uint64_t> bytes_max = std::nullopt);
  // Into an open descriptor, which is closed with it; `name` is what errors call it.
  RotatingWriter(int descriptor, const std::string& name, const CaptureHead& head);

  void write(const CaptureRecord& record, const PacketNotes& notes = {});
  void flush();
  // Call it once, also after a refusal: what was written whole before is then kept.
  void finish();

  // Those that are in the files, or on their way.
  std::uint64_t records() const;
  // A file could neither be closed nor have its name: all that was in it is gone.
  bool has_lost_file() const { return lost_; }
  // The names of those that are complete.
  const std::vector<std::string>& files() const { return files_; }

 private:
  std::string next_path() const;
  void begin_one();
  void finish_one();

  std::string path_;
  CaptureHead head_;
  std::optional<std::uint64_t> bytes_max_;
  std::unique_ptr<CaptureWriter> writer_;
  std::uint64_t records_before_ = 0;
  bool lost_ = false;
  std::vector<std::string> files_;
};

// "seen-00001.pcap" for "seen.pcap" and 1.
std::string numbered_path(const std::string& path, std::uint64_t number);

}  // namespace lossy
