#include <lossy/harness/capture/describe.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include <lossy/core/escape.hpp>
#include <lossy/harness/capture/frame.hpp>
#include <lossy/harness/capture/hexdump.hpp>
#include <lossy/harness/capture/recorder.hpp>

namespace lossy {
namespace {

constexpr std::size_t kPayloadBytesShown = 48;

// "client sent #3", or "client of flow 2 sent #3", where the recording is ours, else what the
// packet type says.
std::string describe_sighting(const Frame& frame) {
  const RecordedBy by = recorded_by(frame);
  if (by == RecordedBy::kSomebody) {
    return frame.type == PacketType::kUnknown ? "" : std::string(to_string(frame.type)) + " ";
  }
  return fmt::format(
      "{}{} {} #{} ", recorded_host(frame) == RecordedHost::kClient ? "client" : "server",
      by == RecordedBy::kProxy ? fmt::format(" of flow {}", recorded_flow(frame)) : "",
      frame.type == PacketType::kOutgoing ? "sent" : "received", frame.identification);
}

}  // namespace

std::string describe_time(Instant time) {
  const Duration::rep nanoseconds = time.time_since_epoch().count();
  const Duration::rep seconds = nanoseconds / 1'000'000'000;
  const Duration::rep fraction = nanoseconds % 1'000'000'000;
  return fmt::format("{}{}.{:09} s", nanoseconds < 0 ? "-" : "", seconds < 0 ? -seconds : seconds,
                     fraction < 0 ? -fraction : fraction);
}

std::string describe_payload(std::span<const std::byte> payload, const PayloadWords& words) {
  if (words) return words(payload);
  const bool cut = payload.size() > kPayloadBytesShown;
  return fmt::format("{} \"{}\"{}", count_bytes(payload.size()),
                     escape_bytes(cut ? payload.first(kPayloadBytesShown) : payload),
                     cut ? "..." : "");
}

bool told_apart(std::span<const std::byte> one, std::span<const std::byte> other,
                const PayloadWords& words) {
  return words && words(one) != words(other);
}

std::string describe(const Skipped& skipped) {
  if (skipped.reason == SkipReason::kFragment) return "a piece of a packet";
  std::string text = fmt::format("no datagram ({}", to_string(skipped.reason));
  for (std::size_t i = 0; i < kCarrierCount; ++i) {
    const auto carrier = static_cast<Carrier>(i);
    if (skipped.carriers.has(carrier)) text += fmt::format(" in {}", to_string(carrier));
  }
  return text + ')';
}

std::string describe_skipped(const SkipCounts& counts) {
  std::string text;
  for (std::size_t i = 0; i < kSkipReasonCount; ++i) {
    if (counts[i] == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", to_string(static_cast<SkipReason>(i)),
                        counts[i]);
  }
  return text;
}

std::string describe_record(const CaptureRecord& record, const PayloadWords& words) {
  std::string text = fmt::format("record {} at {}: ", record.number, describe_time(record.time));
  const auto decoded = decode_record(record);
  if (const auto* skipped = std::get_if<Skipped>(&decoded)) {
    return text + fmt::format("{}, {}", describe(*skipped), count_bytes(record.frame.size()));
  }
  const Frame& frame = std::get<Frame>(decoded);
  text += fmt::format("{}{} > {}, {}", describe_sighting(frame), frame.source.to_string(),
                      frame.destination.to_string(), describe_payload(frame.payload, words));
  if (frame.udp_checksum == Checksum::kBad) text += ", bad UDP checksum";
  if (frame.ip_checksum == Checksum::kBad) text += ", bad IP checksum";
  return text;
}

void RecordTail::push(const CaptureRecord& record) {
  Kept kept;
  if (kept_.size() == size_) {
    kept = std::move(kept_.front());  // For the memory it has.
    kept_.pop_front();
  }
  kept.frame.assign(record.frame.begin(), record.frame.end());
  kept.record = record;
  kept.record.frame = kept.frame;
  kept_.push_back(std::move(kept));
}

std::vector<CaptureRecord> RecordTail::records() const {
  std::vector<CaptureRecord> records;
  for (const Kept& kept : kept_) records.push_back(kept.record);
  return records;
}

}  // namespace lossy
