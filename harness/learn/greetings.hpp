// Greetings over a simulated path: the experiment of most lessons, and exactly what
// `lossy simulate` does with the same options.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <lossy/core/greeting/greeter.hpp>
#include <lossy/core/greeting/server.hpp>
#include <lossy/harness/learn/lesson.hpp>
#include <lossy/harness/link/observer.hpp>
#include <lossy/harness/link/settings.hpp>
#include <lossy/harness/link/timeline.hpp>

namespace lossy {

// One direction of the path, as `lossy simulate` has it.
Link make_link(const Timeline<LinkSettings>& settings, std::uint64_t seed, Direction direction);

struct GreetingPlan {
  Timeline<LinkSettings> uplink{LinkSettings{}};
  Timeline<LinkSettings> downlink{LinkSettings{}};
  std::uint64_t seed = 0;
  std::uint64_t count = 0;  // So many made-up names; 0 for those given:
  std::vector<std::string> names{"Michael", "Tracy", "Sarah"};
  RetryOptions retry{};
  std::optional<Duration> interval{};  // Without one, the next waits for the one before.
};

struct GreetingOutcome {
  GreeterResult result{};
  ClientCounters client{};
  LinkCounters uplink{};
  LinkCounters downlink{};
  std::uint64_t failed_first = 0;  // Requests that their first attempt did not get an answer for.
};

struct GreetingWatch {
  std::vector<Observer*> observers{};
  std::function<void(const ClientEvent&)> on_event{};
  Endpoint* server = nullptr;  // Instead of the greeting server.
};

// Throws std::logic_error when the run does not come to its end, which each one does.
GreetingOutcome run_greetings(const GreetingPlan& plan, const GreetingWatch& watch = {});

// The ladder of a plan's run; of one direction alone, if that is what it is about.
LadderExcerpt ladder_of(const GreetingPlan& plan, std::optional<Direction> only = std::nullopt);

}  // namespace lossy
