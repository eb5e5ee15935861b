#include <lossy/core/rtt_estimator.hpp>

namespace lossy {

void RttEstimator::sample(Instant sent, Instant now) {
  // A longer time could not change the bounded result, and keeps 4 * RTTVAR far from overflow.
  const Duration r = std::clamp(saturating_between(sent, now), Duration::zero(), kDurationMax);
  if (!has_sample_) {
    srtt_ = r;
    rttvar_ = r / 2;
    has_sample_ = true;
  } else {
    rttvar_ = (3 * rttvar_ + std::chrono::abs(srtt_ - r)) / 4;
    srtt_ = (7 * srtt_ + r) / 8;
  }
  rto_ = bounded(srtt_ + 4 * rttvar_);
  measured_ = std::max(measured_, sent);
}

Duration RttEstimator::expired(Instant sent, Duration rto) {
  const Duration next = backed_off(rto);
  if (sent >= measured_) rto_ = std::max(rto_, next);
  return next;
}

}  // namespace lossy
