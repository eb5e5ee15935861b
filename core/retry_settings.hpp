// The settings of a protocol that sends a datagram again until it is answered: --attempts and
// --initial-rto.
#pragma once

#include <string>
#include <utility>

#include <lossy/core/protocol.hpp>
#include <lossy/core/rtt_estimator.hpp>

namespace lossy {

inline Setting attempts_setting(std::string sentence) {
  return {.name = "attempts",
          .sentence = std::move(sentence),
          .initial = RetryOptions{}.attempts_max,
          .least = 1,
          .most = 1'000'000};
}

inline Setting initial_rto_setting() {
  return {.name = "initial-rto",
          .sentence = "how long to wait for an answer before any round-trip time is known [1s]",
          .kind = Setting::Kind::kTime,
          .initial = RetryOptions{}.initial_rto.count(),
          .least = 1,
          .most = RetryOptions{}.max_rto.count()};
}

// What a plan with both says.
inline RetryOptions retry_options(const RunPlan& plan) {
  RetryOptions options;
  options.attempts_max = static_cast<int>(plan.at("attempts"));
  options.initial_rto = Duration(plan.at("initial-rto"));
  return options;
}

}  // namespace lossy
