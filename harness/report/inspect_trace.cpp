#include <lossy/harness/report/inspect_trace.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>
#include <utility>

#include <lossy/harness/capture/describe.hpp>

namespace lossy {
namespace {

constexpr std::string_view kLostUplink = "|-----x         |";
constexpr std::string_view kLostDownlink = "|         x-----|";
constexpr std::size_t kPictureSize = kLostUplink.size();

const char* picture_of(const Sight& sight) {
  if (!sight.two_sided) return sight.uplink ? "|-------------->|" : "|<--------------|";
  const bool leaves = sight.frame->type == PacketType::kOutgoing;
  if (sight.uplink) return leaves ? "|----->         |" : "|         ----->|";
  return leaves ? "|         <-----|" : "|<-----         |";
}

std::string name_of(const Sight& sight) {
  std::string name = fmt::format("{}.{}", sight.flow, sight.uplink ? "uplink" : "downlink");
  if (sight.two_sided) name += fmt::format(".{}", sight.frame->identification);
  return name;
}

std::string remarks_of(const Sight& sight) {
  std::string remarks;
  if (sight.frame->udp_checksum == Checksum::kBad) remarks += "  bad UDP checksum";
  if (sight.frame->ip_checksum == Checksum::kBad) remarks += "  bad IP checksum";
  if (sight.repeated) remarks += "  seen before";
  if (sight.elsewhere) remarks += "  from elsewhere";
  return remarks;
}

std::string hex_of(std::span<const std::byte> bytes) {
  constexpr std::size_t kInLine = 16;
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += kInLine) {
    const auto line = bytes.subspan(at, std::min(kInLine, bytes.size() - at));
    std::string digits;
    std::string letters;
    for (const std::byte byte : line) {
      const auto value = std::to_integer<unsigned>(byte);
      digits += fmt::format("{:02x} ", value);
      letters += value >= 0x20 && value < 0x7F ? static_cast<char>(value) : '.';
    }
    text += fmt::format("    {:04x}  {:<48} {}\n", at, digits, letters);
  }
  return text;
}

constexpr std::size_t kLinesHeldMax = std::size_t{1} << 16;
constexpr std::size_t kBytesHeldMax = std::size_t{1} << 24;

// Which datagram of a two-sided recording it is, never 0.
std::uint64_t key_of(const Sight& sight, const Frame& frame) {
  return sight.flow << 21 | std::uint64_t{frame.identification} << 1 | (sight.uplink ? 1 : 0);
}

}  // namespace

InspectTrace::Line InspectTrace::line_of(const CaptureRecord& record, const Sight& sight) {
  if (!first_) first_ = record.time;
  const auto us =
      std::chrono::floor<std::chrono::microseconds>(saturating_between(*first_, record.time))
          .count();
  Line line;
  line.text =
      fmt::format("{:>9}.{:03} ms  ", (us < 0 ? us - 999 : us) / 1000, (us % 1000 + 1000) % 1000);
  if (sight.frame == nullptr) {
    line.text += fmt::format("{:<17}  record {}: {}\n", "", record.number, describe(sight.skipped));
    return line;
  }
  line.picture_at = line.text.size();
  line.uplink = sight.uplink;
  line.text += fmt::format("{}  {:<16} {}{}", picture_of(sight), name_of(sight),
                           describe_payload(sight.frame->payload, describe_), remarks_of(sight));
  line.remarks_end = line.text.size();
  line.text += '\n';
  if (hex_) line.text += hex_of(sight.frame->payload);
  return line;
}

void InspectTrace::print(const CaptureRecord& record, const Sight& sight) {
  if (sight.in_flight != nullptr) {
    return settle(key_of(sight, *sight.in_flight), End::kInFlight);
  }
  Line line = line_of(record, sight);
  if (sight.two_sided && sight.flow != 0) {
    const std::uint64_t key = key_of(sight, *sight.frame);
    const bool leaves = sight.frame->type == PacketType::kOutgoing;
    // Its number is used again: nobody can tell an arrival any more.
    settle(key, leaves ? End::kLost : End::kArrived);
    if (leaves) {
      line.key = key;
      waiting_[key] = printed_ + held_.size();
    }
  }
  held_bytes_ += line.text.size();
  held_.push_back(std::move(line));
  while (!held_.empty() &&
         (held_.front().key == 0 || held_.size() > kLinesHeldMax || held_bytes_ > kBytesHeldMax)) {
    print_front();
  }
}

void InspectTrace::settle(std::uint64_t key, End end) {
  const auto found = waiting_.find(key);
  if (found == waiting_.end()) return;
  Line& line = held_[found->second - printed_];
  waiting_.erase(found);
  line.key = 0;
  if (end == End::kArrived) return;
  const std::string_view remark = end == End::kLost ? "  lost" : "  in flight";
  line.text.insert(line.remarks_end, remark);
  held_bytes_ += remark.size();
  if (end == End::kInFlight) return;
  line.mood = LineMood::kBad;
  line.text.replace(line.picture_at, kPictureSize, line.uplink ? kLostUplink : kLostDownlink);
}

void InspectTrace::print_front() {
  const Line& line = held_.front();
  if (line.key != 0) waiting_.erase(line.key);
  const std::size_t end =
      line.text.find('\n');  // Behind it come the bytes, if they were asked for.
  fmt::print(out_, "{}{}", style_.apply(line.text.substr(0, end), line.mood),
             line.text.substr(end));
  held_bytes_ -= line.text.size();
  held_.pop_front();
  ++printed_;
}

void InspectTrace::finish() {
  while (!held_.empty()) {
    if (held_.front().key != 0) settle(held_.front().key, End::kLost);
    print_front();
  }
}

}  // namespace lossy
