// A whole capture as what its clients asked and what they were answered, flow by flow: what is
// needed to play either part again. Held in memory, up to a bound.
//
// Who is the client, what belongs together, and what is seen once more is what an Inspector says. A
// recording of ours shows both hosts, of which one counts.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <lossy/core/address.hpp>
#include <lossy/core/clock.hpp>
#include <lossy/harness/capture/frame.hpp>
#include <lossy/harness/capture/recorder.hpp>

namespace lossy {

// A datagram of a flow.
struct RecordedStep {
  bool is_request = false;
  std::uint32_t request = 0;  // The index of the step that an answer belongs to.
  std::uint64_t record = 0;   // Its place in the file.
  std::uint64_t number = 0;   // Of a request, from 0: in the order of all requests of the capture.
  Duration at{};              // Since the first one of the capture; never less than the one before.
  std::span<const std::byte> payload{};
};

struct RecordedFlow {
  std::uint64_t number = 0;  // As `lossy inspect` counts.
  Address client;
  Address server;
  std::vector<RecordedStep> steps{};  // The first one is a request.
  std::uint64_t requests = 0;
  std::uint64_t answers = 0;
  // Requests that were left out because they repeat one that waits for its answer, and answers that
  // were because of them.
  std::uint64_t retransmitted = 0;
  std::uint64_t answered_again = 0;
};

struct RecordedFlowsOptions {
  std::string filter{};                        // An expression as for tcpdump, or nothing.
  std::uint64_t flow = 0;                      // The only one that counts, or 0.
  std::optional<std::uint16_t> server_port{};  // Else an Inspector says who is the server.
  // Whose view of a recording of ours counts. Of any other capture the server's is that of its own
  // host, where a packet that comes twice came twice.
  RecordedHost host = RecordedHost::kClient;
  bool inner = false;            // What VXLAN, Geneve and GTP-U carry counts instead.
  bool bad_checksums = false;    // They are taken, as in files whose addresses were changed.
  bool retransmissions = false;  // They are kept, with what they were answered.
  // Of payloads, and of a little more for each datagram.
  std::size_t bytes_max = std::size_t{1} << 30;
  // Told now and then how many bytes of the file were read, of how many.
  std::function<void(std::uint64_t, std::uint64_t)> on_read{};
};

// Payloads that stay where they are.
class PayloadStore {
 public:
  std::span<const std::byte> add(std::span<const std::byte> payload);

 private:
  static constexpr std::size_t kBlockBytes = std::size_t{1} << 20;

  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  std::size_t block_bytes_ = 0;  // Of the last one.
  std::size_t left_ = 0;         // In it.
};

struct RecordedFlows {
  std::vector<RecordedFlow> flows;  // Those that have requests.
  std::string error;                // What ended the records, when it was not the end of the file.
  std::uint64_t requests = 0;
  std::uint64_t answers = 0;
  Duration duration{};  // From the first step to the last.

  // What is in no flow.
  std::uint64_t records = 0;
  std::uint64_t flows_seen = 0;  // Those that do not count included.
  std::string filtered_out{};    // As PcapReader::filtered_out().
  SkipCounts skipped{};          // By SkipReason, but for pieces of packets that became whole.
  std::uint64_t repeated = 0;    // Seen a second time.
  std::uint64_t bad_checksum = 0;
  std::uint64_t elsewhere = 0;     // Answers of another port or address than was asked.
  std::uint64_t unasked = 0;       // Answers in front of any request.
  std::uint64_t other = 0;         // Datagrams of other flows or ports.
  std::uint64_t other_host = 0;    // Of a recording of ours, seen by the host that does not count.
  std::uint64_t beyond_flows = 0;  // Of more flows than an Inspector tells apart.
  // All flows say that some have another server, and the capture cannot be read a second time.
  bool mistaken = false;

  PayloadStore payloads;
};

// Reads the file at once. Why it cannot be read stands in `error`, with what came before; so does,
// without any flow, that it is larger than the bound.
// A filter that is no expression throws std::invalid_argument.
RecordedFlows read_recorded_flows(const std::string& path, const RecordedFlowsOptions& options);

// "of 10 records: 4 skipped (not_udp 3, fragment 1), 2 of something else", or nothing.
std::string left_out_text(const RecordedFlows& recorded);

}  // namespace lossy
