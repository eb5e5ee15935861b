// A rate as it was measured: mahimahi's traces of delivery opportunities (Netravali et al.,
// "Mahimahi: accurate record-and-replay for HTTP", USENIX ATC 2015).
//
// One line is one opportunity, the millisecond at which it comes; several may come in the same one,
// none before the line above. Each carries up to 1504 IP bytes. A datagram larger than what is left
// of one goes on in the next, and what is not used is wasted. The trace repeats for ever: its last
// time is the length of one round.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <lossy/core/clock.hpp>

namespace lossy {

class DeliveryTrace {
 public:
  static constexpr std::size_t kOpportunityBytes = 1504;
  static constexpr std::size_t kOpportunitiesMax = 50'000'000;
  // As many may come in one millisecond, which are 1.2 tbit/s: 2^64 then count those of all time.
  static constexpr std::size_t kPerMillisecondMax = 100'000;

  // `name` is what the text was asked for by. Throws TextError, naming the line.
  static std::shared_ptr<const DeliveryTrace> parse(std::string_view text, std::string name);

  const std::string& name() const { return name_; }
  std::size_t opportunities() const { return milliseconds_.size(); }
  // The length of one round.
  Duration period() const { return std::chrono::milliseconds(milliseconds_.back()); }

  // When the n-th opportunity comes, from 0, over all rounds; Instant::max() when there is no such
  // time.
  Instant when(std::uint64_t n) const;
  // The first opportunity that comes at `now` or later. Before Instant{} there are none.
  std::uint64_t first_at(Instant now) const;

  friend bool operator==(const DeliveryTrace& a, const DeliveryTrace& b) {
    return a.milliseconds_ == b.milliseconds_;
  }

 private:
  DeliveryTrace(std::string name, std::vector<std::uint32_t> milliseconds);

  std::string name_;
  std::vector<std::uint32_t> milliseconds_;
};

}  // namespace lossy
