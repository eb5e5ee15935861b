// What a link that netem's words describe does to datagrams, as a recording shows it, and whether
// a fit gives back what was asked for.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <lossy/harness/capture/path_log.hpp>
#include <lossy/harness/fit/loss_outcomes.hpp>
#include <lossy/harness/fit/numbers.hpp>
#include <lossy/harness/link/link.hpp>
#include <lossy/harness/link/loss_process.hpp>
#include <lossy/harness/link/netem.hpp>
#include <lossy/harness/link/random_fates.hpp>
#include <lossy/harness/link/settings.hpp>

namespace lossy {

struct TrafficForTest {
  std::uint64_t datagrams = 20'000;
  // When the n-th is sent, from 0, and how many bytes it has.
  std::function<Duration(std::uint64_t)> when = [](std::uint64_t n) {
    return n * std::chrono::milliseconds(1);
  };
  std::function<std::size_t(std::uint64_t)> bytes = [](std::uint64_t) { return 100; };
  TableFiles files{};
};

inline LoggedPath sent_over(const std::string& line, std::uint64_t seed,
                            const TrafficForTest& traffic = {}) {
  const LinkSettings settings = parse_netem(line, traffic.files);
  Link link(LinkPlan{.options = link_options(settings, 28)},
            std::make_unique<RandomFates>(impairments(settings), seed, Direction::kUplink));
  LoggedPath path;
  LoggedFlow& flow = path.flows.emplace_back();
  PayloadTail tail;
  const auto deliver = [&](Instant until) {
    for (auto next = link.poll_timeout(); next && *next <= until; next = link.poll_timeout()) {
      const auto delivery = link.poll_transmit(*next);
      FlowLog::arrive(flow, delivery->number - 1, delivery->due - delivery->offered);
      FlowLog::look_at(flow, delivery->number - 1, delivery->payload, tail);
    }
  };
  std::vector<std::byte> payload;
  for (std::uint64_t n = 0; n < traffic.datagrams; ++n) {
    const Instant now(traffic.when(n));
    deliver(now);
    payload.assign(traffic.bytes(n), static_cast<std::byte>(n));
    LoggedDatagram& datagram = flow.datagrams.emplace_back();
    datagram.sent = now;
    datagram.content = digest_of(payload);
    datagram.payload_at = tail.keep(payload);
    datagram.payload_bytes = static_cast<std::uint16_t>(payload.size());
    link.handle_datagram(now, payload);
  }
  deliver(Instant::max());
  return path;
}

// What a loss model does to so many datagrams.
inline OutcomeRuns lost_by(const LossModel& model, std::uint64_t datagrams, std::uint64_t seed) {
  LossProcess process(model, RandomStream(seed));
  OutcomeRuns runs;
  for (std::uint64_t n = 1; n <= datagrams; ++n) {
    add_outcome(runs, process.lost(n) ? LossOutcome::kLost : LossOutcome::kReceived);
  }
  return runs;
}

// How many standard errors an estimate is off.
inline double z_of(const Estimate& estimate, double asked_for) {
  return (estimate.value - asked_for) / estimate.error;
}

// Within 4 standard errors, which are above 0 and tell something.
inline void expect_found(const Estimate& estimate, double asked_for, const std::string& what) {
  EXPECT_GT(estimate.error, 0) << what;
  EXPECT_LT(estimate.error, std::abs(asked_for) / 2) << what << " is hardly known";
  EXPECT_NEAR(estimate.value, asked_for, 4 * estimate.error) << what;
}

}  // namespace lossy
