#include "harness/capture/golden.hpp"

#include <fmt/format.h>

#include <cstring>

#include "core/escape.hpp"
#include "harness/capture/hexdump.hpp"

namespace lossy {
namespace {

constexpr std::size_t kRecordsShown = 5;
// Where LINUX_SLL2 has the link-layer address.
constexpr std::size_t kMarkAt = 12;

RecordedBy mark_of(std::span<const std::byte> frame) {
  LinkAddress mark;
  if (frame.size() < kMarkAt + sizeof(LinkAddress)) return RecordedBy::kSomebody;
  std::memcpy(mark.data(), &frame[kMarkAt], sizeof(LinkAddress));
  return recorded_by(mark);
}

// The bytes of the payloads where only those differ in meaning, else of the whole frames.
std::string compare_bytes(const CaptureRecord& expected, const CaptureRecord& actual) {
  const auto one = decode_record(expected);
  const auto other = decode_record(actual);
  if (std::holds_alternative<Frame>(one) && std::holds_alternative<Frame>(other)) {
    const auto payload = std::get<Frame>(one).payload;
    const auto other_payload = std::get<Frame>(other).payload;
    if (first_difference(payload, other_payload)) {
      return "payload:\n" + side_by_side(payload, other_payload);
    }
  }
  return "frame:\n" + side_by_side(expected.frame, actual.frame);
}

}  // namespace

GoldenComparer::GoldenComparer(PcapReader golden, GoldenMatch match)
    : golden_(std::move(golden)), match_(match), tail_(kRecordsShown) {}

void GoldenComparer::write(Instant time, std::span<const std::byte> frame) {
  if (ended()) return;
  const CaptureRecord actual{.number = matched_ + 1,
                             .time = time,
                             .frame = frame,
                             .original_bytes = frame.size(),
                             .link_type = kLinkTypeLinuxSll2};
  const std::optional<CaptureRecord> expected = next_golden();
  if (error_) return;
  if (!expected) return explain("the golden ends, but the run goes on", expected, actual);
  const bool same_time = match_ == GoldenMatch::kBytes || expected->time == time;
  if (!same_bytes(*expected, frame)) {
    return explain(same_time ? "other bytes" : "another time and other bytes", expected, actual);
  }
  if (!same_time) return explain("the same bytes at another time", expected, actual);
  tail_.push(*expected);
  ++matched_;
}

void GoldenComparer::finish() {
  finished_ = true;
  if (ended()) return;
  const std::optional<CaptureRecord> expected = next_golden();
  if (expected) return explain("the run ends, but the golden goes on", expected, std::nullopt);
  if (ended() || matched_ > 0) return;
  error_ = {CaptureError::Kind::kEmpty,
            escape_controls(golden_.path()) +
                ": has no records, and neither has the run: nothing can be compared"};
}

bool GoldenComparer::same_bytes(const CaptureRecord& expected,
                                std::span<const std::byte> frame) const {
  if (expected.original_bytes != frame.size() || expected.frame.size() != frame.size()) {
    return false;
  }
  if (match_ == GoldenMatch::kTimeAndBytes || !is_run(mark_of(expected.frame)) ||
      !is_run(mark_of(frame))) {
    return !first_difference(expected.frame, frame);
  }
  return !first_difference(expected.frame.first(kMarkAt), frame.first(kMarkAt)) &&
         !first_difference(expected.frame.subspan(kMarkAt + sizeof(LinkAddress)),
                           frame.subspan(kMarkAt + sizeof(LinkAddress)));
}

std::optional<CaptureRecord> GoldenComparer::next_golden() {
  std::optional<CaptureRecord> record = golden_.next();
  if (!record) error_ = golden_.error();
  if (!record || record->link_type == kLinkTypeLinuxSll2) return record;
  error_ = CaptureError{
      CaptureError::Kind::kLinkType,
      fmt::format("{}: is no recording of ours: record {} has link type {}, not {}",
                  escape_controls(golden_.path()), record->number,
                  describe_link_type(record->link_type), describe_link_type(kLinkTypeLinuxSll2))};
  return std::nullopt;
}

void GoldenComparer::explain(const std::string& title, const std::optional<CaptureRecord>& expected,
                             const std::optional<CaptureRecord>& actual) {
  const auto describe = [](const std::optional<CaptureRecord>& record) {
    return record ? describe_record(*record) : "nothing";
  };
  explanation_ = fmt::format("{}: differs from this run at record {}: {}\n",
                             escape_controls(golden_.path()), matched_ + 1, title);
  explanation_ +=
      describe_what_led_up(tail_, kRecordsShown, [](const CaptureRecord&) { return true; });
  explanation_ += fmt::format("expected (the golden): {}\nactual (this run):     {}\n",
                              describe(expected), describe(actual));
  if (expected && actual && first_difference(expected->frame, actual->frame)) {
    explanation_ += compare_bytes(*expected, *actual);
  }
}

}  // namespace lossy
