#include <lossy/harness/capture/heard_answers.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <lossy/harness/capture/recorded_for_test.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

std::vector<std::string> told(const RecordedFlow& flow) {
  std::vector<std::string> all;
  for (const RecordedStep& step : flow.steps) {
    const std::string text(reinterpret_cast<const char*>(step.payload.data()), step.payload.size());
    all.push_back((step.is_request ? "> " : "< ") + text + " (" + std::to_string(step.record) +
                  ", " + std::to_string(step.request) + ", " + std::to_string(step.at / 1ms) +
                  " ms)");
  }
  return all;
}

// What was answered stands behind the request that was sent last, as long after it; what the
// capture has is forgotten, and no time goes back.
TEST(HeardAnswers, StandWhereTheyCame) {
  const RecordedFlows read = recorded(
      {ask("Michael"), reply("Hello, Michael!", 1ms), ask("Tracy", 10ms), ask("Sarah", 20ms)});
  PayloadStore payloads;
  HeardAnswers heard(read.flows.at(0), payloads);
  const Instant start(1h);
  heard.add_answer(start, as_bytes("in front of all requests"));
  heard.add_request(start);
  heard.add_answer(start + 3ms, as_bytes("Hi"));
  heard.add_answer(start + 30ms, as_bytes("Michael"));
  heard.add_request(start + 40ms);
  heard.add_request(start + 41ms);
  heard.add_answer(start + 42ms, as_bytes(""));
  const RecordedFlow flow = heard.flow();
  EXPECT_THAT(told(flow),
              ElementsAre("> Michael (1, 0, 0 ms)", "< Hi (1, 0, 3 ms)", "< Michael (1, 0, 30 ms)",
                          "> Tracy (3, 3, 30 ms)", "> Sarah (4, 4, 30 ms)", "<  (4, 4, 31 ms)"));
  EXPECT_EQ(flow.requests, 3U);
  EXPECT_EQ(flow.answers, 3U);
  EXPECT_EQ(flow.number, read.flows[0].number);
  EXPECT_EQ(flow.client, kClientForTest);
}

}  // namespace
}  // namespace lossy
