// A retransmission storm: many ask over a link that is slow for a moment, and send again.
#pragma once

#include <lossy/harness/learn/asker.hpp>

namespace lossy {

// How the questions went that were asked long after the moment.
struct Storm {
  static constexpr double kLoad = 0.3;  // What the questions need of the link, each sent once.
  static constexpr Duration kHiccup = std::chrono::seconds(5);
  static constexpr Duration kLater = std::chrono::seconds(20);  // From its end on.

  std::uint64_t asked = 0;
  std::uint64_t answered = 0;
  std::uint64_t sent = 0;

  double sent_each() const { return share(sent, asked); }
  bool goes_on() const { return sent > asked; }
};

// The delay is `jump.before`, and for kHiccup `jump.after`. The client sends again as `retry` says.
Storm storm(const RetryOptions& retry, const Jump& jump);

}  // namespace lossy
