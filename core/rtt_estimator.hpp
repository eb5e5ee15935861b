// How long to wait for an answer: the estimator of RFC 6298 section 2, in integer nanoseconds.
#pragma once

#include <algorithm>

#include "core/clock.hpp"

namespace lossy {

struct RetryOptions {
  // RFC 8085 section 3.1.1: before any round-trip time is known. It may be below min_rto, which
  // bounds what is computed from measurements.
  Duration initial_rto = std::chrono::seconds(1);
  // RFC 6298 (2.4) says 1 s: a deliberate deviation, for links as fast as loopback.
  Duration min_rto = std::chrono::milliseconds(200);
  Duration max_rto = std::chrono::seconds(60);
  // Transmissions of one request, the first included; 1 or more.
  int attempts_max = 5;
};

class RttEstimator {
 public:
  explicit RttEstimator(const RetryOptions& options)
      : min_rto_(options.min_rto),
        max_rto_(options.max_rto),
        rto_(std::min(options.initial_rto, options.max_rto)) {}

  // A round-trip time measured on a request that was sent once only (Karn's rule is the caller's).
  void sample(Duration rtt);

  // The timeout for a request sent now for the first time.
  Duration rto() const { return rto_; }

  // The timeout after one of `rto`: twice as long (RFC 6298, 5.5), at most max_rto.
  Duration backed_off(Duration rto) const { return rto > max_rto_ / 2 ? max_rto_ : rto * 2; }

 private:
  Duration bounded(Duration rto) const { return std::min(std::max(rto, min_rto_), max_rto_); }

  Duration min_rto_;
  Duration max_rto_;
  Duration rto_;
  Duration srtt_{};
  Duration rttvar_{};
  bool has_sample_ = false;
};

}  // namespace lossy
