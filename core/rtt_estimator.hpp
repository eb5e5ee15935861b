// How long to wait for an answer from one destination, in integer nanoseconds: the estimator of
// RFC 6298 section 2 and the back-off of its section 5.
//
// A request whose timeout passes doubles it (5.5), and new requests begin with the longest that was
// doubled to, until a sample comes. Without this Karn's rule starves: once round trips take longer
// than the timeout, every request is sent more than once, and none can be measured. Before the
// first sample it is the same; 5.7 is about SYN segments only.
//
// Where several are outstanding, a timeout is old news if a request that was sent later has been
// measured. It does not count then: else new requests would wait longer and longer on a path that
// loses many, while answers keep coming at once.
#pragma once

#include <algorithm>

#include <lossy/core/clock.hpp>

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

  // An answer arrived at `now` to a request that was sent once only, at `sent` (Karn's rule is the
  // caller's).
  void sample(Instant sent, Instant now);

  // What was sent at `sent` got no answer within `rto`. Gives the next timeout of that request. Is
  // to be told also when there is none because it is given up: where each is sent only once, none
  // would ever be measured otherwise.
  Duration expired(Instant sent, Duration rto);

  // The timeout for a request sent now for the first time.
  Duration rto() const { return rto_; }

  // The timeout after one of `rto`: twice as long (RFC 6298, 5.5), at most max_rto.
  Duration backed_off(Duration rto) const { return rto > max_rto_ / 2 ? max_rto_ : rto * 2; }

 private:
  Duration bounded(Duration rto) const { return std::min(std::max(rto, min_rto_), max_rto_); }

  Duration min_rto_;
  Duration max_rto_;
  Duration rto_;
  Instant measured_ = Instant::min();  // When the newest request that was measured was sent.
  Duration srtt_{};
  Duration rttvar_{};
  bool has_sample_ = false;
};

}  // namespace lossy
