#include <lossy/harness/fit/kept_order.hpp>

#include <algorithm>
#include <utility>

namespace lossy {
namespace {

// Calls visit(sample, whether it arrived together with an earlier one).
template <typename Visit>
void for_each_pushed(std::span<const OrderSample> flow, Visit&& visit) {
  Instant latest = Instant::min();
  for (const OrderSample& sample : flow) {
    visit(sample, sample.arrived == latest);
    latest = std::max(latest, sample.arrived);
  }
}

}  // namespace

void look_at_order(std::span<const OrderSample> flow, KeptOrder& order) {
  Instant latest = Instant::min();
  for_each_pushed(flow, [&](const OrderSample& sample, bool pushed) {
    order.reordered += sample.arrived < latest ? 1 : 0;
    order.pushed += pushed ? 1 : 0;
    latest = std::max(latest, sample.arrived);
  });
  // With delays of datagrams that have nothing to do with it.
  const std::size_t far = std::min<std::size_t>(1000, flow.size() / 3);
  if (far == 0) return;
  for (std::size_t i = 1; i < flow.size(); ++i) {
    const Duration before = flow[(i + far) % flow.size()].delay;
    const Duration after = flow[(i + 2 * far) % flow.size()].delay;
    const Instant arrives = flow[i].arrived - flow[i].delay + after;
    order.expected += arrives < flow[i - 1].arrived - flow[i - 1].delay + before ? 1 : 0;
  }
}

std::vector<Duration> unpushed_delays(const std::vector<std::vector<OrderSample>>& flows) {
  std::vector<std::pair<Duration, bool>> seen;  // And whether it is at most that.
  for (const auto& flow : flows) {
    for_each_pushed(flow, [&](const OrderSample& sample, bool pushed) {
      seen.emplace_back(sample.delay, pushed);
    });
  }
  // Of equal ones, what is known comes last, and so is met first from behind.
  std::sort(seen.begin(), seen.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : a.second > b.second;
  });
  std::vector<Duration> delays(seen.size());
  std::size_t filled = delays.size();
  double below = 1;  // The share of delays that are no longer than what comes next.
  const double n = static_cast<double>(seen.size());
  for (std::size_t i = seen.size(); i-- > 0;) {
    if (seen[i].second) continue;
    below *= static_cast<double>(i) / static_cast<double>(i + 1);
    const auto first = static_cast<std::size_t>(below * n + 0.5);
    while (filled > first) delays[--filled] = seen[i].first;
  }
  while (filled > 0) delays[--filled] = seen.front().first;  // All below is at most that.
  return delays;
}

}  // namespace lossy
