// The text of a difference between a capture and what an endpoint does.
#pragma once

#include <optional>
#include <span>
#include <string>

#include <lossy/core/address.hpp>
#include <lossy/harness/capture/describe.hpp>
#include <lossy/harness/capture/reader.hpp>

namespace lossy {

// How many flows of a capture are told apart, at most.
inline constexpr std::size_t kReplayFlowsMax = std::size_t{1} << 18;

// Who spoke with whom.
struct FlowAddresses {
  Address client;
  Address server;
  friend auto operator<=>(const FlowAddresses&, const FlowAddresses&) = default;
};

// One side of a difference: a line that says what it is, and the bytes, if there are any.
struct DifferenceSide {
  std::string line;
  std::optional<std::span<const std::byte>> payload;
};

// Nothing, and what else is to say about that.
DifferenceSide side_of_nothing(const std::string& remark = "");
// What a record says was sent.
DifferenceSide side_of(const CaptureRecord& record, const Frame& frame, const PayloadWords& words);
// What an endpoint sends.
DifferenceSide side_of(Instant time, const Address& destination, std::span<const std::byte> payload,
                       const PayloadWords& words);

struct ReplayDifference {
  std::string title;
  std::uint64_t record = 0;  // Where in the file it shows.
  FlowAddresses flow;
  DifferenceSide expected;  // By the capture.
  DifferenceSide actual;
};

// `tail` holds the records before it, of which the flow's last few are shown. Bytes are shown side
// by side where no protocol's words tell them apart.
std::string describe_difference(const PcapReader& reader, const RecordTail& tail,
                                const ReplayDifference& difference);

}  // namespace lossy
