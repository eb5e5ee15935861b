#include <lossy/harness/capture/golden.hpp>

#include <fmt/format.h>

#include <lossy/core/escape.hpp>
#include <lossy/harness/capture/hexdump.hpp>

namespace lossy {
namespace {

constexpr std::size_t kRecordsShown = 5;

// The bytes of the payloads where only those differ in meaning, else of the whole frames.
// Nothing, where a protocol's words tell the payloads apart.
std::string compare_bytes(const CaptureRecord& expected, const CaptureRecord& actual,
                          const PayloadWords& words) {
  const auto one = decode_record(expected);
  const auto other = decode_record(actual);
  if (std::holds_alternative<Frame>(one) && std::holds_alternative<Frame>(other)) {
    const auto payload = std::get<Frame>(one).payload;
    const auto other_payload = std::get<Frame>(other).payload;
    if (first_difference(payload, other_payload)) {
      if (told_apart(payload, other_payload, words)) return {};
      return "payload:\n" + side_by_side(payload, other_payload);
    }
  }
  return "frame:\n" + side_by_side(expected.frame, actual.frame);
}

// Whose a frame is, one of ours says in these link types, which many others have, too.
bool may_be_ours(const CaptureRecord& record) {
  if (record.link_type != kLinkTypeEthernet && record.link_type != kLinkTypeLinuxSll) return true;
  const auto decoded = decode_record(record, {.notes = true});
  const auto* const frame = std::get_if<Frame>(&decoded);
  return frame != nullptr && recorded_by(*frame) != RecordedBy::kSomebody;
}

}  // namespace

GoldenComparer::GoldenComparer(PcapReader golden, GoldenMatch match, PayloadWords words)
    : golden_(std::move(golden)),
      match_(match),
      buffer_(kFrameBytesMax),
      tail_(kRecordsShown, std::move(words)) {}

void GoldenComparer::take(const RecordedFrame& recorded) {
  // What the golden's form leaves out is in no golden.
  if (ended() || (!has_expected() && error_)) return;
  const auto frame = frame_as(as_, recorded, buffer_);
  if (frame) write(recorded.time, *frame);
}

void GoldenComparer::write(Instant time, std::span<const std::byte> frame) {
  if (ended()) return;
  const CaptureRecord actual{.number = matched_ + 1,
                             .time = time,
                             .frame = frame,
                             .original_bytes = frame.size(),
                             .link_type = link_type_of(as_)};
  has_expected();
  if (error_) return;
  if (!expected_) return explain("the golden ends, but the run goes on", expected_, actual);
  const CaptureRecord& expected = *expected_;
  const bool same_time = match_ == GoldenMatch::kBytes || expected.time == time;
  if (!same_bytes(expected, actual)) {
    return explain(same_time ? "other bytes" : "another time and other bytes", expected, actual);
  }
  if (!same_time) return explain("the same bytes at another time", expected, actual);
  tail_.push(expected);
  expected_.reset();
  ++matched_;
}

void GoldenComparer::finish() {
  finished_ = true;
  if (ended()) return;
  if (has_expected()) {
    return explain("the run ends, but the golden goes on", expected_, std::nullopt);
  }
  if (ended() || matched_ > 0) return;
  error_ = {CaptureError::Kind::kEmpty,
            escape_controls(golden_.path()) +
                ": has no records, and neither has the run: nothing can be compared"};
}

// Of runs it does not count whether the time was virtual.
bool GoldenComparer::same_bytes(const CaptureRecord& expected, const CaptureRecord& actual) {
  if (expected.original_bytes != expected.frame.size()) return false;
  if (!first_difference(expected.frame, actual.frame)) return true;
  if (match_ == GoldenMatch::kTimeAndBytes) return false;
  const auto one = decode_record(expected, {.notes = true});
  const auto other = decode_record(actual, {.notes = true});
  if (!std::holds_alternative<Frame>(one) || !std::holds_alternative<Frame>(other)) return false;
  Frame frame = std::get<Frame>(other);
  const LinkAddress& mark = std::get<Frame>(one).link_address;
  if (!is_run(recorded_by(mark)) || !is_run(recorded_by(frame.link_address))) return false;
  frame.link_address = mark;
  std::vector<std::byte> marked(kFrameBytesMax);
  marked.resize(encode_frame(frame, marked, actual.link_type));
  return !first_difference(expected.frame, marked);
}

// Reads on when there is none that waits to be compared.
bool GoldenComparer::has_expected() {
  if (expected_) return true;
  expected_ = golden_.next();
  if (!expected_) error_ = golden_.error();
  if (!expected_) return false;
  const auto as = record_as_of(expected_->link_type);
  if (as && may_be_ours(*expected_)) {
    as_ = *as;
    return true;
  }
  error_ = CaptureError{
      CaptureError::Kind::kLinkType,
      fmt::format("{}: is no recording of ours: record {} has link type {}{}",
                  escape_controls(golden_.path()), expected_->number,
                  describe_link_type(expected_->link_type),
                  as ? ", and not our mark"
                     : fmt::format(", not {}", describe_link_type(kLinkTypeLinuxSll2)))};
  expected_.reset();
  return false;
}

void GoldenComparer::explain(const std::string& title, const std::optional<CaptureRecord>& expected,
                             const std::optional<CaptureRecord>& actual) {
  const auto describe = [this](const std::optional<CaptureRecord>& record) {
    return record ? describe_record(*record, tail_.words()) : "nothing";
  };
  explanation_ = fmt::format("{}: differs from this run at record {}: {}\n",
                             escape_controls(golden_.path()), matched_ + 1, title);
  explanation_ +=
      describe_what_led_up(tail_, kRecordsShown, [](const CaptureRecord&) { return true; });
  explanation_ += fmt::format("expected (the golden): {}\nactual (this run):     {}\n",
                              describe(expected), describe(actual));
  if (expected && actual && first_difference(expected->frame, actual->frame)) {
    explanation_ += compare_bytes(*expected, *actual, tail_.words());
  }
}

}  // namespace lossy
