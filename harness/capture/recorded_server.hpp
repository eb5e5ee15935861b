// Stands in for a server: gives the answers that a capture has.
//
// 1. A request is known by its content, whoever sends it. The first time it is asked it gets what
//    it was answered the first time in the capture, then the second, and the last again and again.
//    What was answered in several datagrams is.
// 2. A request that the capture has, and never an answer to, gets none. One that it has not gets
//    none either, and is counted as unknown.
// 3. With a mask the ignored bytes do not matter to which request it is; those that are ignored by
//    their place are copied from the request into its answers, as far as both have them. (Of DNS
//    that is the number in the first two bytes.)
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include <lossy/core/endpoint.hpp>
#include <lossy/harness/capture/payload_mask.hpp>
#include <lossy/harness/capture/recorded_flows.hpp>

namespace lossy {

struct RecordedServerCounters {
  std::uint64_t received = 0;
  std::uint64_t answered = 0;  // Requests.
  std::uint64_t sent = 0;      // Answers.
  std::uint64_t silent = 0;    // Known requests that have no answer.
  std::uint64_t unknown = 0;
};

class RecordedServer final : public Endpoint {
 public:
  // Both must outlive it.
  RecordedServer(const RecordedFlows& recorded, const PayloadMask& mask);

  void handle_datagram(Instant now, const Datagram& datagram) override;
  void handle_timeout(Instant) override {}
  std::optional<Transmit> poll_transmit(Instant now, std::span<std::byte> buffer) override;
  std::optional<Instant> poll_timeout() const override { return std::nullopt; }

  const RecordedServerCounters& counters() const { return counters_; }

  // How many different requests it knows.
  std::size_t requests() const { return requests_.size(); }

  struct Unknown {
    Address source;
    std::vector<std::byte> payload;
  };
  // The first request that it did not know.
  const std::optional<Unknown>& first_unknown() const { return first_unknown_; }

 private:
  using Payload = std::span<const std::byte>;
  using Answers = std::vector<Payload>;

  struct Request {
    Payload payload;               // As it came first.
    std::vector<Answers> answers;  // Each time that it was answered.
    std::size_t asked = 0;
  };

  Request* find(Payload kept);

  const PayloadMask& mask_;
  std::vector<Request> requests_;
  std::unordered_multimap<std::size_t, std::size_t> by_hash_;
  RecordedServerCounters counters_;
  std::optional<Unknown> first_unknown_;

  // What is to be sent: the rest of these, to whoever asked last.
  const Answers* answers_ = nullptr;
  std::size_t next_ = 0;
  Address client_;
  std::vector<std::byte> asked_;  // Only as far as it is copied.

  std::vector<std::byte> kept_;
  std::vector<std::byte> kept_known_;
};

}  // namespace lossy
