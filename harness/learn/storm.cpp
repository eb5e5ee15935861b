#include <lossy/harness/learn/storm.hpp>

#include <lossy/harness/report/readable.hpp>

namespace lossy {
namespace {

constexpr Duration kInterval = std::chrono::milliseconds(5);
constexpr Duration kBegins = std::chrono::seconds(5);
constexpr std::uint64_t kAskedLater = 1'000;
// A name such as guest-1234, with its headers.
constexpr double kBits = 8 * (10 + 28);

// The answers travel as long, and have room.
Timeline<LinkSettings> delays_of(const Timeline<LinkSettings>& path) {
  LinkSettings settings;
  settings.delay = path.phases().front().value.delay;
  Timeline<LinkSettings> delays(settings);
  for (std::size_t i = 1; i < path.phases().size(); ++i) {
    settings.delay = path.phases()[i].value.delay;
    delays.add(path.phases()[i].start, settings);
  }
  return delays;
}

LinkSettings link_with(Duration delay) {
  LinkSettings settings;
  settings.delay = delay;
  const double rate = kBits / (in_seconds(kInterval) * Storm::kLoad);
  settings.rate = RateLimit{.bits_per_second = static_cast<std::uint64_t>(rate)};
  return settings;
}

}  // namespace

Storm storm(const RetryOptions& retry, const Jump& jump) {
  GreetingPlan plan{.retry = retry, .interval = kInterval};
  Timeline<LinkSettings> path(link_with(jump.before));
  path.add(Instant{} + kBegins, link_with(jump.after));
  path.add(Instant{} + kBegins + Storm::kHiccup, link_with(jump.before));
  plan.uplink = path;
  plan.downlink = delays_of(path);
  const auto first_later =
      static_cast<std::uint64_t>((kBegins + Storm::kHiccup + Storm::kLater) / kInterval);
  plan.count = first_later + kAskedLater;
  Storm result;
  run_greetings(plan, {.on_event = [&](const ClientEvent& event) {
                  if (event.request <= first_later) return;
                  ++result.asked;
                  result.sent += static_cast<std::uint64_t>(event.attempts);
                  if (event.kind == ClientEvent::Kind::kGreeted) ++result.answered;
                }});
  return result;
}

}  // namespace lossy
