#include "harness/report/against_report.hpp"

#include <gtest/gtest.h>

namespace lossy {
namespace {

AgainstFlow flow_of(const ReplayOutcome& outcome, bool server_heard = true) {
  return {.outcome = outcome, .server_heard = server_heard};
}

// Silence that is expected holds only where the server is known to be there.
TEST(AgainstFlow, SilenceOfNobodyIsNotChecked) {
  const AgainstFlow silent = flow_of({.sent = 3}, false);
  EXPECT_EQ(silent.verdict(), "unchecked");
  EXPECT_FALSE(silent.tried());
  EXPECT_FALSE(silent.holds());
  EXPECT_TRUE(flow_of({.sent = 3}).holds());
  // One that answers what is not expected is there, and differs.
  EXPECT_EQ(flow_of({.sent = 3, .unexpected = 1}).verdict(), "unexpected");
}

// A request that reached nobody has not been tried, though no answer to it is missing.
TEST(AgainstFlow, RefusedIsNotTried) {
  const AgainstFlow refused = flow_of({.sent = 3, .expected = 2, .matched = 2, .refusals = 1});
  EXPECT_EQ(refused.verdict(), "refused");
  EXPECT_FALSE(refused.tried());
  // An answer that is missing because of it is.
  const AgainstFlow missing =
      flow_of({.sent = 3, .expected = 2, .matched = 1, .missing = 1, .refusals = 1});
  EXPECT_EQ(missing.verdict(), "missing");
  EXPECT_TRUE(missing.tried());
}

}  // namespace
}  // namespace lossy
