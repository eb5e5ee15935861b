// The timeout that RFC 6298 section 2 gives, written down from its formulas as a plain reference
// for RttEstimator, in whole nanoseconds.
#pragma once

#include <algorithm>

#include <lossy/core/rtt_estimator.hpp>

namespace lossy {

class ReferenceRto {
 public:
  explicit ReferenceRto(const RetryOptions& options) : options_(options) {}

  Duration value() const {
    if (samples_ == 0) return options_.initial_rto;
    return std::clamp(mean_ + 4 * variation_, options_.min_rto, options_.max_rto);
  }

  // Of a request that was sent once only.
  void measured(Duration rtt) {
    rtt = std::clamp(rtt, Duration::zero(), kDurationMax);
    if (++samples_ == 1) {
      mean_ = rtt;           // (2.2) SRTT <- R
      variation_ = rtt / 2;  // RTTVAR <- R/2
      return;
    }
    // (2.3), with alpha = 1/8 and beta = 1/4; SRTT is the one from before.
    const Duration error = mean_ > rtt ? mean_ - rtt : rtt - mean_;
    variation_ = (3 * variation_ + error) / 4;
    mean_ = (7 * mean_ + rtt) / 8;
  }

 private:
  RetryOptions options_;
  int samples_ = 0;
  Duration mean_{};
  Duration variation_{};
};

}  // namespace lossy
