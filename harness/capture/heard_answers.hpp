// What a server answers while a recorded flow is played to it, as a recorded flow of its own: what
// another server can be compared with.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <lossy/core/clock.hpp>
#include <lossy/harness/capture/recorded_flows.hpp>

namespace lossy {

class HeardAnswers {
 public:
  // Both must outlive it.
  HeardAnswers(const RecordedFlow& flow, PayloadStore& payloads)
      : flow_(flow), payloads_(payloads) {}

  // The flow's next request was sent.
  void add_request(Instant now);
  void add_answer(Instant now, std::span<const std::byte> payload);

  // The flow's requests at their times, each with what came between it and the next one. An answer
  // has the record of the request in front of it.
  RecordedFlow flow() const;

 private:
  struct Answer {
    std::uint32_t requests = 0;  // That were sent before it.
    Duration after{};            // The last of these.
    std::span<const std::byte> payload;
  };

  const RecordedFlow& flow_;
  PayloadStore& payloads_;
  std::uint32_t requests_ = 0;
  Instant asked_{};
  std::vector<Answer> answers_;
};

}  // namespace lossy
