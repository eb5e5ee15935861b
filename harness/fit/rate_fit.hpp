// The rate of the line that datagrams pass one after the other, told from how long they wait for
// each other.
//
// A line sends a datagram in bits / rate, and those that come meanwhile wait. At the right rate the
// waiting and the sending, worked out from when each was sent, explain more of the delays than at
// any other: least squares of what is left, over the rate. What was lost took no time on the line,
// and a copy takes as much as its original.
//
// A datagram that never waits, among others of the same size, tells nothing: then there is no rate
// to be seen.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <lossy/harness/capture/path_log.hpp>
#include <lossy/harness/fit/delay_groups.hpp>
#include <lossy/harness/fit/numbers.hpp>

namespace lossy {

struct RateFit {
  Estimate bits_per_second;  // IP's, as RateLimit counts them.
  double explained = 0;      // The share of the delays' variance that it explains.
  std::uint64_t waited = 0;  // How many datagrams waited for another.

  // The roundest whole number within the error: most lines have one.
  std::uint64_t rounded() const;
};

// Nothing where no rate explains more of the delays than chance lets one do, or less than 4% of
// their variance. What the groups tell
// apart from the usual delays has a place on the line, and no say.
std::optional<RateFit> fit_rate(const LoggedPath& path, const DelayGroups& groups);

// How long each datagram of a flow takes to wait and to be sent, as a link works it out; 0 where it
// did not arrive.
std::vector<Duration> times_on_line(const LoggedFlow& flow, std::uint64_t bits_per_second);

}  // namespace lossy
