#include <lossy/harness/capture/replay_difference.hpp>

#include <fmt/format.h>

#include <lossy/core/escape.hpp>
#include <lossy/harness/capture/hexdump.hpp>

namespace lossy {
namespace {

constexpr std::size_t kRecordsShown = 5;

// Whatever the server's port: it may answer from others.
bool is_of(const FlowAddresses& flow, const Frame& frame) {
  const auto is_server = [&](const Address& address) {
    return with_port(address, 0) == with_port(flow.server, 0);
  };
  return (frame.source == flow.client && is_server(frame.destination)) ||
         (is_server(frame.source) && frame.destination == flow.client);
}

}  // namespace

DifferenceSide side_of_nothing(const std::string& remark) {
  return {"nothing" + remark, std::nullopt};
}

DifferenceSide side_of(const CaptureRecord& record, const Frame& frame, const PayloadWords& words) {
  return {describe_record(record, words), frame.payload};
}

DifferenceSide side_of(Instant time, const Address& destination, std::span<const std::byte> payload,
                       const PayloadWords& words) {
  return {fmt::format("at {}: > {}, {}", describe_time(time), destination.to_string(),
                      describe_payload(payload, words)),
          payload};
}

std::string describe_difference(const PcapReader& reader, const RecordTail& tail,
                                const ReplayDifference& difference) {
  const auto wanted = [&](const CaptureRecord& record) {
    const auto decoded = decode_record(record);
    const auto* frame = std::get_if<Frame>(&decoded);
    return frame != nullptr && is_of(difference.flow, *frame);
  };
  std::string text =
      fmt::format("{}: differs at record {}: {}\nflow: client {}, server {}\n",
                  escape_controls(reader.path()), difference.record, difference.title,
                  difference.flow.client.to_string(), difference.flow.server.to_string());
  text += describe_what_led_up(tail, kRecordsShown, wanted);
  text += fmt::format("expected (capture): {}\nactual (replay):    {}\n", difference.expected.line,
                      difference.actual.line);
  const auto& expected = difference.expected.payload;
  const auto& actual = difference.actual.payload;
  if (expected && actual && first_difference(*expected, *actual) &&
      !told_apart(*expected, *actual, tail.words())) {
    text += side_by_side(*expected, *actual);
  }
  return text;
}

}  // namespace lossy
