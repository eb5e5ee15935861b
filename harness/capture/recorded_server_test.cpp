#include <lossy/harness/capture/recorded_server.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lossy/harness/capture/recorded_for_test.hpp>

namespace lossy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class RecordedServerTest : public testing::Test {
 protected:
  void learn(const std::vector<SaidForTest>& all) {
    flows = recorded(all);
    server.emplace(flows, mask);
  }
  std::vector<std::string> answers(std::string_view request) {
    const Address client = *Address::parse("127.0.0.1:5000");
    server->handle_datagram(Instant{}, {client, as_bytes(request)});
    std::vector<std::string> texts;
    std::vector<std::byte> buffer(kPayloadBytesMax);
    while (const auto transmit = server->poll_transmit(Instant{}, buffer)) {
      EXPECT_EQ(transmit->destination, client);
      texts.push_back(to_text(std::span(buffer).first(transmit->size)));
    }
    return texts;
  }

  PayloadMask mask;
  RecordedFlows flows;
  std::optional<RecordedServer> server;
};

// A request that repeats gets the answers in the order of the capture, over all flows, and the last
// one for ever.
TEST_F(RecordedServerTest, AnswersInTheOrderOfTheCapture) {
  const Address other = *Address::parse("192.0.2.3:40000");
  learn({ask("time"), reply("1"), ask("time", {}, other), reply("2", {}, other), ask("name"),
         reply("x")});
  EXPECT_EQ(server->requests(), 2U);
  EXPECT_THAT(answers("time"), ElementsAre("1"));
  EXPECT_THAT(answers("name"), ElementsAre("x"));
  EXPECT_THAT(answers("time"), ElementsAre("2"));
  EXPECT_THAT(answers("time"), ElementsAre("2"));
  EXPECT_EQ(server->counters().answered, 4U);
  EXPECT_EQ(server->counters().unknown, 0U);
}

// An answer of several datagrams is given as a whole, and one without content is one.
TEST_F(RecordedServerTest, AnswersOfSeveralDatagrams) {
  learn({ask("list"), reply("a"), reply(""), reply("b"), ask(""), reply("nothing")});
  EXPECT_THAT(answers("list"), ElementsAre("a", "", "b"));
  EXPECT_THAT(answers(""), ElementsAre("nothing"));
  EXPECT_EQ(server->counters().sent, 4U);
}

// What the capture never answers is no unknown request; what was lost on its way once is answered
// as it was when it was sent again.
TEST_F(RecordedServerTest, SilenceAndUnknown) {
  learn({ask("lost"), ask("lost"), reply("found, lost"), ask("void")});
  EXPECT_THAT(answers("void"), IsEmpty());
  EXPECT_EQ(server->counters().silent, 1U);
  EXPECT_THAT(answers("lost"), ElementsAre("found, lost"));
  EXPECT_THAT(answers("other"), IsEmpty());
  EXPECT_THAT(answers("another"), IsEmpty());
  EXPECT_EQ(server->counters().unknown, 2U);
  EXPECT_EQ(to_text(server->first_unknown()->payload), "other");
}

// With a mask the ignored bytes of the request are those of its answers, as DNS has it.
TEST_F(RecordedServerTest, MaskedBytesAreCopied) {
  ASSERT_EQ(mask.ignore_bytes("0-1"), std::nullopt);
  learn({ask("12 query"), reply("12 first"), reply("1")});
  EXPECT_THAT(answers("98 query"), ElementsAre("98 first", "9"));
  EXPECT_THAT(answers("98 other"), IsEmpty());
}

// What an expression matches is not copied: it may be anywhere.
TEST_F(RecordedServerTest, MatchesAreNotCopied) {
  ASSERT_EQ(mask.ignore_matches("[0-9]+"), std::nullopt);
  learn({ask("id 12"), reply("ok 12")});
  EXPECT_THAT(answers("id 4711"), ElementsAre("ok 12"));
}

}  // namespace
}  // namespace lossy
