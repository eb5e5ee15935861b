#include <lossy/harness/capture/seeds.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include <lossy/harness/capture/new_file.hpp>
#include <lossy/harness/capture/sha1.hpp>

namespace lossy {
namespace {

constexpr std::size_t kConversationsBytesMax = std::size_t{1} << 28;
constexpr std::size_t kConversationHeaderBytes = 3;
constexpr std::size_t kSizeMax = 0xFFFF;

std::byte low_byte(std::size_t value) {
  return static_cast<std::byte>(value & 0xFF);
}

}  // namespace

void SeedFolder::put(std::span<const std::byte> seed, SeedCounters& counters) {
  const std::string path = (std::filesystem::path(path_) / sha1(seed)).string();
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) {
    ++counters.same;
    return;
  }
  if (files_left_ == 0) {
    ++counters.beyond_files;
    return;
  }
  std::error_code error;
  std::filesystem::create_directories(path_, error);
  if (error) throw std::system_error(error, "cannot make the folder '" + path_ + "'");
  NewFile(path).write_whole(seed);
  --files_left_;
  ++counters.written;
}

void SeedMaker::add(const CaptureRecord& record) {
  if (options_.kind == SeedKind::kFrames) return put_frame(record);
  const auto decoded = inspector_.decode(record);
  const auto sight = inspector_.add(record, decoded);
  if (sight->frame == nullptr) {
    ++counters_.skipped[static_cast<std::size_t>(sight->skipped.reason)];
    return;
  }
  if (!is_asked_for(*sight)) return;
  if (options_.kind == SeedKind::kConversations) return add_to_conversation(*sight);
  const auto payload = sight->frame->payload;
  if (payload.empty()) {
    ++counters_.empty;
  } else if (payload.size() > options_.bytes_max) {
    ++counters_.too_large;
  } else {
    folder_.put(payload, counters_);
  }
}

bool SeedMaker::is_asked_for(const Sight& sight) const {
  switch (options_.direction) {
    case SeedDirection::kUplink:
      return sight.uplink;
    case SeedDirection::kDownlink:
      return !sight.uplink;
    case SeedDirection::kBoth:
      break;
  }
  return true;
}

void SeedMaker::add_to_conversation(const Sight& sight) {
  if (sight.two_sided ? sight.frame->type != PacketType::kIncoming : sight.repeated) return;
  const auto payload = sight.frame->payload;
  const std::size_t size = kConversationHeaderBytes + payload.size();
  if (sight.flow == 0 || conversation_bytes_ + size > kConversationsBytesMax) {
    ++counters_.no_memory;
    return;
  }
  Conversation& conversation = conversations_[sight.flow];
  if (conversation.cut || conversation.bytes.size() + size > options_.bytes_max) {
    if (!conversation.cut) ++counters_.cut;
    conversation.cut = true;
    return;
  }
  conversation_bytes_ += size;
  for (const std::byte byte :
       {std::byte{!sight.uplink}, low_byte(payload.size() >> 8), low_byte(payload.size())}) {
    conversation.bytes.push_back(byte);
  }
  conversation.bytes.insert(conversation.bytes.end(), payload.begin(), payload.end());
}

// As capture_fuzzer.cpp says: the link type, how much was snapped, and the frame behind its size.
void SeedMaker::put_frame(const CaptureRecord& record) {
  constexpr std::size_t kHeaderBytes = 4;
  constexpr std::size_t kSnappedMax = 15;
  const std::size_t size = record.frame.size();
  const auto link_type = std::ranges::find(kLinkTypes, record.link_type);
  if (link_type == kLinkTypes.end()) {
    ++counters_.skipped[static_cast<std::size_t>(SkipReason::kLinkType)];
    return;
  }
  if (size == 0) {
    ++counters_.empty;
    return;
  }
  if (size > kSizeMax || kHeaderBytes + size > options_.bytes_max) {
    ++counters_.too_large;
    return;
  }
  const auto choice = link_type - kLinkTypes.begin();
  const std::size_t snapped = std::max(record.original_bytes, size) - size;
  buffer_ = {low_byte(static_cast<std::size_t>(choice)), low_byte(std::min(snapped, kSnappedMax)),
             low_byte(size), low_byte(size >> 8)};
  buffer_.insert(buffer_.end(), record.frame.begin(), record.frame.end());
  folder_.put(buffer_, counters_);
}

const SeedCounters& SeedMaker::finish() {
  leave_out_joined(counters_.skipped, inspector_.reassembly());
  for (const auto& [flow, conversation] : conversations_) {
    if (!conversation.bytes.empty()) folder_.put(conversation.bytes, counters_);
  }
  conversations_.clear();
  return counters_;
}

}  // namespace lossy
