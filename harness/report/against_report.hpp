// What became of recorded flows that were replayed against a server, for people and for programs.
#pragma once

#include <algorithm>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include <lossy/harness/capture/payload_mask.hpp>
#include <lossy/harness/capture/replay_client.hpp>

namespace lossy {

struct AgainstFlow {
  const RecordedFlow* recorded = nullptr;
  bool of_servers = false;  // What is expected is what another server answered.
  ReplayOutcome outcome{};
  std::string refusal{};             // What ICMP said, in words.
  std::string not_sent_by{};         // Why requests could not be sent: "too_long 2".
  std::uint64_t not_sent = 0;        // Requests.
  std::uint64_t kernel_dropped = 0;  // Datagrams that came, and that there was no room for.
  bool server_heard = false;         // Something that counts came in a flow of the capture.
  bool interrupted = false;          // The replay ended before the flow did, or before it began.
  Duration took{};

  // Answers that are missing, and may be among those that the kernel dropped: nothing is known of
  // them.
  std::uint64_t unknown() const { return std::min(outcome.missing, kernel_dropped); }
  // "matched", "different", "missing", "unexpected", "late"; of what can be said neither to hold
  // nor not to "not_sent", "dropped", "refused" (a request that needs no answer reached nobody) or
  // "unchecked" (no answer is expected, and none shows that a server is there); "interrupted".
  std::string_view verdict() const;
  bool holds() const { return verdict() == "matched"; }
  bool tried() const { return verdict() == to_string(outcome.verdict()); }
};

// One line: "flow 2, 127.0.0.1:40000: different: 2 of 3 answers as recorded, 1 different".
std::string against_line(const AgainstFlow& flow);
enum class FindingTimes : std::uint8_t { kShown, kLeftOut };
// The first things that differ, with the requests that led to them; bytes that the mask ignores by
// their place are shown as the capture has them.
std::string against_details(const AgainstFlow& flow, const PayloadMask& mask,
                            FindingTimes times = FindingTimes::kShown);
// What a clock measured stands under "timing".
nlohmann::ordered_json against_json(const AgainstFlow& flow, const PayloadMask& mask);

}  // namespace lossy
