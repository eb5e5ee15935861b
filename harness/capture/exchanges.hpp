// Requests and answers in a capture of one host, whatever the protocol: which answer belongs to
// which request is told from their contents where they say it, else from their order.
//
// An answer belongs to the longest request that it contains (as a greeting does), or that begins
// with the same two bytes when both have twelve at least (as DNS and much else does), and to the
// oldest of several. One that says nothing of the kind belongs to the latest request that is not
// answered yet.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <lossy/core/clock.hpp>
#include <lossy/core/histogram.hpp>

namespace lossy {

struct ExchangeCounters {
  std::uint64_t requests = 0;  // Different ones: copies of what waits for its answer are not.
  std::uint64_t answered = 0;
  std::uint64_t unanswered = 0;      // When the capture ends, or 64 younger ones wait.
  std::uint64_t retransmitted = 0;   // Copies of a request that waits for its answer.
  std::uint64_t answered_twice = 0;  // Answers to what is answered already.
  std::uint64_t unasked = 0;         // Answers to nothing that was seen.
  std::uint64_t unfollowed = 0;      // Requests for which there was no memory.

  friend bool operator==(const ExchangeCounters&, const ExchangeCounters&) = default;
};

// Bounds what all flows of a capture remember together.
struct ExchangeBudget {
  std::size_t requests = std::size_t{1} << 17;  // Of some 80 bytes each.
};

// How many bytes of a request, of which the beginning will do, an answer repeats: all that it
// contains, or the two that number both. None says nothing of whether it belongs to the request.
std::size_t bytes_repeated(std::span<const std::byte> answer, std::span<const std::byte> request);

// One flow.
class Exchanges {
 public:
  // The budget and the response times are those of all flows. A response time counts from the
  // first transmission of the request.
  void request(std::span<const std::byte> payload, Instant time, ExchangeBudget& budget);
  void answer(std::span<const std::byte> payload, Instant time, Histogram& response_times);
  // The capture has ended.
  void finish();

  const ExchangeCounters& counters() const { return counters_; }

 private:
  static constexpr std::size_t kWaitingMax = 64;
  static constexpr std::size_t kStartBytes = 40;
  static constexpr std::size_t kAnswersKept = 8;

  struct Request {
    Instant time;
    std::size_t hash = 0;
    std::size_t size = 0;
    std::array<std::byte, kStartBytes> start{};

    std::span<const std::byte> known() const;
  };
  struct Answer {
    std::size_t hash = 0;
    std::size_t size = 0;
    bool certain = false;  // Its content says what it answers.
  };

  bool make_room(ExchangeBudget& budget);
  const Answer* earlier(std::size_t hash, std::size_t size) const;

  std::vector<Request> waiting_;  // From the oldest to the latest.
  std::array<Answer, kAnswersKept> answers_{};
  std::size_t answers_seen_ = 0;
  ExchangeCounters counters_;
};

}  // namespace lossy
