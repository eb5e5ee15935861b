// The path that would do to datagrams what one direction of a recorded path did.
//
// Chances other than that of a loss are taken to be alike for all datagrams. Losses in an outage,
// or by a timeline, count as losses by chance; nothing here tells them apart.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <lossy/harness/capture/path_log.hpp>
#include <lossy/harness/fit/delay_fit.hpp>
#include <lossy/harness/fit/delay_groups.hpp>
#include <lossy/harness/fit/kept_order.hpp>
#include <lossy/harness/fit/loss_fit.hpp>
#include <lossy/harness/fit/numbers.hpp>
#include <lossy/harness/fit/other_losses.hpp>
#include <lossy/harness/fit/rate_fit.hpp>
#include <lossy/harness/link/settings.hpp>

namespace lossy {

struct DamageFit {
  std::uint64_t copies = 0;  // That had a payload.
  Estimate truncated;        // Of those.
  Estimate corrupted;        // Of those that were not cut off.
  std::uint64_t bits = 1;    // How many are flipped, mostly.
  bool bits_vary = false;    // Not always so many.
};

struct PathFit {
  std::uint64_t sent = 0;
  std::uint64_t arrived = 0;    // Of those.
  std::uint64_t unknown = 0;    // Under way at the end, say.
  std::uint64_t unmatched = 0;  // Arrivals of what was never seen to be sent.
  std::uint64_t left_out = 0;   // Datagrams for which there was no memory.
  OtherLosses other_losses;
  LossFit loss;  // By chance.
  // Of so many that arrived and left room for a copy; nothing where there are none.
  std::optional<Estimate> duplicated;
  std::uint64_t duplicated_of = 0;
  std::uint64_t twice = 0;   // Datagrams of which more than one copy arrived,
  std::uint64_t thrice = 0;  // and more than two.
  DamageFit damage;
  std::optional<RateFit> rate;  // Nothing where no bottleneck is seen.
  std::optional<EarlyFit> early;
  std::optional<HoldFit> hold;
  KeptOrder order;

  // Almost everything does.
  bool comes_twice() const { return 100 * twice >= 99 * arrived && arrived > 0; }
  // Of what was neither early nor held back, and without the time on a line at the rate.
  std::optional<DelayFit> delay;
};

PathFit fit_path(const LoggedPath& path);

// What a link is told to do the same, each figure with as many digits as its error leaves. Delays
// come from `table`, or, where that is nothing, from the nearest of the link's own distributions.
LinkSettings fitted_settings(const PathFit& fit, std::shared_ptr<const DelayTable> table);

}  // namespace lossy
