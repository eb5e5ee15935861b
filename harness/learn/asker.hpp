// Questions over a path whose delay jumps, asked with each of three timers and by lossy's own
// client: the experiment of lesson 9.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include <lossy/harness/learn/greetings.hpp>
#include <lossy/harness/learn/simulated.hpp>

namespace lossy {

// When a question is sent again.
enum class Timer : std::uint8_t {
  kFixed,
  kFromLast,  // Estimated; an answer is taken to be to what was sent last.
  kKarn,      // Estimated, anew for each question; what was sent more than once teaches nothing.
};

// The delay jumps once half of the questions can have been answered.
struct Jump {
  Duration before{};
  Duration after{};
  std::uint64_t half = 0;

  Instant when() const { return Instant{} + 2 * before * static_cast<std::int64_t>(half); }
  Timeline<LinkSettings> path() const {
    LinkSettings settings;
    settings.delay = before;
    Timeline<LinkSettings> timeline(settings);
    settings.delay = after;
    timeline.add(when(), settings);
    return timeline;
  }
};

// How the questions went that were asked from the jump on.
struct Afterwards {
  std::vector<std::uint64_t> sent{};  // How often each was.
  Duration rto{};                     // What the timer came to: not of lossy's own client.

  std::uint64_t extra() const {  // Beyond one for each.
    return std::accumulate(sent.begin(), sent.end(), std::uint64_t{0}) - sent.size();
  }
  std::size_t repeated() const {
    return sent.size() - static_cast<std::size_t>(std::count(sent.begin(), sent.end(), 1U));
  }
  double mean() const { return 1 + share(extra(), sent.size()); }
  double mean_of_last_half() const {
    const auto half = static_cast<std::ptrdiff_t>(sent.size() / 2);
    return share(std::accumulate(sent.begin() + half, sent.end(), std::uint64_t{0}),
                 sent.size() - sent.size() / 2);
  }
};

// Asks in the simulator, until twice `jump.half` questions are answered. A fixed timer is `fixed`.
Afterwards ask(Timer timer, Duration fixed, const Jump& jump);

// The same with lossy's own client, which has Karn's rule and keeps the doubled timer until an
// answer can be timed. Here it gives nothing up.
Afterwards ask_with_client(const Jump& jump);

}  // namespace lossy
