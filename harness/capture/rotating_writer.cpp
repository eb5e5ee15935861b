#include <lossy/harness/capture/rotating_writer.hpp>

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

#include <lossy/harness/capture/pcap_writer.hpp>

namespace lossy {

std::string numbered_path(const std::string& path, std::uint64_t number) {
  std::filesystem::path numbered = path;
  numbered.replace_filename(
      fmt::format("{}-{:05}{}", numbered.stem().string(), number, numbered.extension().string()));
  return numbered.string();
}

RotatingWriter::RotatingWriter(const std::string& path, const CaptureHead& head,
                               std::optional<std::uint64_t> bytes_max)
    : path_(path), head_(head), bytes_max_(bytes_max) {
  begin_one();
}

RotatingWriter::RotatingWriter(int descriptor, const std::string& name, const CaptureHead& head)
    : path_(name), head_(head), writer_(std::make_unique<PcapWriter>(descriptor, name, head)) {}

std::string RotatingWriter::next_path() const {
  return bytes_max_ ? numbered_path(path_, files_.size() + 1) : path_;
}

void RotatingWriter::write(const CaptureRecord& record, const PacketNotes& notes) {
  const bool is_full = bytes_max_ && writer_->records() > 0 &&
                       writer_->bytes() + writer_->bytes_of(record, notes) > *bytes_max_;
  if (is_full) {
    finish_one();
    begin_one();
  }
  writer_->write(record, notes);
}

void RotatingWriter::flush() {
  writer_->flush();
}

void RotatingWriter::begin_one() {
  writer_ = open_capture_writer(next_path(), head_, NewFile::Until::kTemporaryName);
}

void RotatingWriter::finish() {
  if (!writer_) return;
  finish_one();
  if (!bytes_max_) return;
  // Those of an earlier recording that was longer.
  std::uint64_t number = files_.size() + 1;
  while (::unlink(numbered_path(path_, number).c_str()) == 0) ++number;
}

void RotatingWriter::finish_one() {
  const std::string path = next_path();
  try {
    writer_->finish();
  } catch (const std::system_error&) {
    if (!writer_->is_open()) {
      lost_ = true;
      writer_.reset();
    }
    throw;  // While it is open, what fitted can be kept.
  }
  records_before_ += writer_->records();
  writer_.reset();
  files_.push_back(path);
}

std::uint64_t RotatingWriter::records() const {
  return records_before_ + (writer_ ? writer_->records() : 0);
}

}  // namespace lossy
