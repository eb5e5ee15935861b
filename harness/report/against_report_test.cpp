#include <lossy/harness/report/against_report.hpp>

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

// What is missing when a signal ends the replay may still come; what differs does so all the same.
TEST(AgainstFlow, InterruptedIsNotTried) {
  RecordedFlow recorded;
  recorded.number = 1;
  recorded.client = *Address::parse("192.0.2.1:40000");
  recorded.requests = 3;
  AgainstFlow flow{.recorded = &recorded,
                   .outcome = {.sent = 2, .expected = 2, .matched = 1, .missing = 1},
                   .server_heard = true,
                   .interrupted = true};
  EXPECT_EQ(flow.verdict(), "interrupted");
  EXPECT_FALSE(flow.tried());
  EXPECT_FALSE(flow.holds());
  EXPECT_EQ(against_line(flow),
            "flow 1, 192.0.2.1:40000: interrupted: 1 of 2 answers as recorded, to 2 of 3 requests, "
            "1 missing so far\n");
  flow.outcome.different = 1;
  EXPECT_EQ(flow.verdict(), "different");
  EXPECT_TRUE(flow.tried());
}

}  // namespace
}  // namespace lossy
