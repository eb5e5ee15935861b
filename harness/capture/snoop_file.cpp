#include <lossy/harness/capture/snoop_file.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <lossy/harness/capture/wire.hpp>

namespace lossy {
namespace {

using namespace wire;

constexpr std::array<char, SnoopFile::kStartBytes> kMagic = {'s', 'n', 'o', 'o', 'p', 0, 0, 0};
constexpr std::size_t kFileBytes = 16;    // The magic, the version, what was captured on.
constexpr std::size_t kRecordBytes = 24;  // Two lengths, the record's, what was lost, the time.
constexpr std::size_t kRecordBytesMax = std::size_t{1} << 24;
constexpr std::uint32_t kVersion = 2;

// By snoop's numbers: IEEE 802.3, and Ethernet.
bool is_ethernet(std::uint32_t datalink) {
  return datalink == 0 || datalink == 4;
}

}  // namespace

bool SnoopFile::is_start(std::span<const std::byte> bytes) {
  return bytes.size() >= kStartBytes &&
         std::ranges::equal(bytes.first(kStartBytes), std::as_bytes(std::span(kMagic)));
}

bool SnoopFile::begin() {
  if (!window_.has(kFileBytes)) return fail("it is cut off");
  const std::uint32_t version = load32(window_.front(), 8);
  const std::uint32_t datalink = load32(window_.front(), 12);
  if (version != kVersion) return fail("it is snoop's, of version " + std::to_string(version));
  if (!is_ethernet(datalink)) {
    return fail("it is snoop's, of datalink " + std::to_string(datalink) + ", not of Ethernet");
  }
  window_.pass(kFileBytes);
  interfaces_.push_back({.link_type = kLinkTypeEthernet});
  return true;
}

bool SnoopFile::next(CaptureRecord& record) {
  window_.pass(std::exchange(record_bytes_, 0));
  if (!window_.has(kRecordBytes)) {
    return window_.front().empty() && window_.error().empty() ? false : fail("it is cut off");
  }
  const std::size_t captured_bytes = load32(window_.front(), 4);
  const std::size_t bytes = load32(window_.front(), 8);
  if (bytes > kRecordBytesMax || bytes < kRecordBytes || captured_bytes > bytes - kRecordBytes) {
    return fail("a record of " + std::to_string(bytes) + " bytes is said to hold a frame of " +
                std::to_string(captured_bytes));
  }
  if (!window_.has(bytes)) return fail("it is cut off");
  const std::span<const std::byte> front = window_.front();
  record.original_bytes = load32(front, 0);
  record.time = Instant(std::chrono::seconds(load32(front, 16)) +
                        std::chrono::microseconds(load32(front, 20)));
  record.frame = front.subspan(kRecordBytes, captured_bytes);
  record.link_type = kLinkTypeEthernet;
  record_bytes_ = bytes;
  return true;
}

}  // namespace lossy
