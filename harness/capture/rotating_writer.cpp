#include "harness/capture/rotating_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

namespace lossy {
namespace {

// The first of the numbered files that lie there already, or nothing.
std::optional<std::string> earlier_file(const std::filesystem::path& path) {
  const std::string stem = path.stem().string() + '-';
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  std::optional<std::string> first;
  std::error_code error;  // A folder that cannot be read is refused when a file is made in it.
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::filesystem::path name = entry->path().filename();
    const std::string text = name.stem().string();
    if (name.extension() != path.extension() || !text.starts_with(stem)) continue;
    const std::string number = text.substr(stem.size());
    const bool is_number = number.size() >= 5 &&
                           std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; });
    const std::string found = std::filesystem::path(path).replace_filename(name).string();
    if (is_number && (!first || found < *first)) first = found;
  }
  return first;
}

}  // namespace

std::string numbered_path(const std::string& path, std::uint64_t number) {
  std::filesystem::path numbered = path;
  numbered.replace_filename(
      fmt::format("{}-{:05}{}", numbered.stem().string(), number, numbered.extension().string()));
  return numbered.string();
}

RotatingWriter::RotatingWriter(const std::string& path, const PcapFormat& format,
                               std::optional<std::uint64_t> bytes_max)
    : path_(path), format_(format), bytes_max_(bytes_max) {
  if (bytes_max) {
    if (const auto earlier = earlier_file(path)) {
      throw std::system_error(EEXIST, std::generic_category(),
                              "cannot begin with '" + next_path() + "' beside '" + *earlier + "'");
    }
  }
  writer_.emplace(next_path(), format);
}

RotatingWriter::RotatingWriter(int descriptor, const std::string& name, const PcapFormat& format)
    : path_(name), format_(format) {
  writer_.emplace(descriptor, name, format);
}

std::string RotatingWriter::next_path() const {
  return bytes_max_ ? numbered_path(path_, files_.size() + 1) : path_;
}

void RotatingWriter::write(const CaptureRecord& record) {
  const bool is_full = bytes_max_ && writer_->records() > 0 &&
                       writer_->bytes() + PcapWriter::bytes_of(record) > *bytes_max_;
  if (is_full) {
    finish_one();
    writer_.emplace(next_path(), format_);
  }
  writer_->write(record);
}

void RotatingWriter::flush() {
  writer_->flush();
}

void RotatingWriter::finish() {
  if (writer_) finish_one();
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
