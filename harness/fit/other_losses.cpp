#include <lossy/harness/fit/other_losses.hpp>

#include <algorithm>
#include <cmath>
#include <deque>
#include <vector>

#include <lossy/harness/fit/numbers.hpp>

namespace lossy {
namespace {

constexpr std::uint64_t kLossesMin = 5;
constexpr double kUnlikely = 14;  // -ln of one in a million.

// Of datagrams of a kind.
struct Tally {
  std::uint64_t lost = 0;
  std::uint64_t arrived = 0;

  void add(const LoggedDatagram& datagram) {
    lost += datagram.lost() ? 1 : 0;
    arrived += datagram.arrived() ? 1 : 0;
  }
  std::uint64_t all() const { return lost + arrived; }
  // -ln of the chance that so many more are all lost, at this rate or one loss more.
  double rarity(std::uint64_t more) const {
    const double rate = static_cast<double>(lost + 1) / static_cast<double>(all() + 2);
    return -static_cast<double>(more) * natural_log(rate);
  }
};

double log_likelihood(const Tally& tally) {
  if (tally.lost == 0 || tally.arrived == 0) return 0;
  const double p = static_cast<double>(tally.lost) / static_cast<double>(tally.all());
  return static_cast<double>(tally.lost) * natural_log(p) +
         static_cast<double>(tally.arrived) * natural_log(1 - p);
}

}  // namespace

OtherLosses find_large(const LoggedPath& path) {
  OtherLosses losses;
  std::size_t largest = 0;
  for (const LoggedFlow& flow : path.flows) {
    for (const LoggedDatagram& datagram : flow.datagrams) {
      if (datagram.arrived()) largest = std::max(largest, datagram.ip_bytes());
    }
  }
  constexpr std::size_t kSmallest = 68;  // RFC 791: every host forwards that.
  if (largest < kSmallest) return losses;
  Tally small;
  Tally large;
  for (const LoggedFlow& flow : path.flows) {
    for (const LoggedDatagram& datagram : flow.datagrams) {
      (datagram.ip_bytes() > largest ? large : small).add(datagram);
    }
  }
  if (large.lost < kLossesMin || small.rarity(large.lost) < kUnlikely) return losses;
  losses.mtu_bytes = largest;
  losses.too_large = large.lost;
  return losses;
}

void for_each_waiting(
    const LoggedFlow& flow, std::uint64_t bits_per_second,
    const std::function<void(const LoggedDatagram& datagram, std::uint64_t waiting)>& visit) {
  const double ns_per_bit = 1e9 / static_cast<double>(bits_per_second);
  std::deque<double> leaves;  // When each has left that waits or is being sent.
  double free = 0;
  for (const LoggedDatagram& datagram : flow.datagrams) {
    const double now = static_cast<double>((datagram.sent - flow.datagrams.front().sent).count());
    while (!leaves.empty() && leaves.front() <= now) leaves.pop_front();
    visit(datagram, leaves.empty() ? 0 : leaves.size() - 1);
    for (int copy = 0; copy < datagram.arrivals; ++copy) {
      free = std::max(free, now) + 8 * static_cast<double>(datagram.ip_bytes()) * ns_per_bit;
      leaves.push_back(free);
    }
  }
}

void find_overflow(const LoggedPath& path, std::uint64_t bits_per_second, OtherLosses& losses) {
  const std::size_t largest = losses.mtu_bytes.value_or(~std::size_t{0});
  std::vector<Tally> by_waiting;
  for (const LoggedFlow& flow : path.flows) {
    for_each_waiting(flow, bits_per_second,
                     [&](const LoggedDatagram& datagram, std::uint64_t waiting) {
                       if (datagram.ip_bytes() > largest) return;
                       if (waiting >= by_waiting.size()) by_waiting.resize(waiting + 1);
                       by_waiting[waiting].add(datagram);
                     });
  }
  // From where on being lost is another matter than before.
  Tally all;
  for (const Tally& tally : by_waiting) {
    all.lost += tally.lost;
    all.arrived += tally.arrived;
  }
  Tally above;
  double best = log_likelihood(all) + kUnlikely;
  for (std::size_t waiting = by_waiting.size(); waiting-- > 1;) {
    above.lost += by_waiting[waiting].lost;
    above.arrived += by_waiting[waiting].arrived;
    if (above.lost < kLossesMin || 10 * above.arrived > above.lost) continue;
    const Tally below{all.lost - above.lost, all.arrived - above.arrived};
    const double likelihood = log_likelihood(above) + log_likelihood(below);
    if (likelihood <= best) continue;
    best = likelihood;
    losses.queue_datagrams = waiting;
    losses.overflowed = above.lost;
  }
}

}  // namespace lossy
