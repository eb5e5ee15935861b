#include <lossy/harness/report/explain.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include <lossy/harness/link/netem.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::size_t kIpv4 = 28;

PhaseExplanation explain_line(const std::string& line) {
  return explain(parse_netem(line, {}), kIpv4);
}

WayExplanation explain_way(Direction direction, const std::string& line) {
  return explain(direction, parse_netem(line, {}), kIpv4);
}

// The line that is printed is read as the same settings, and explained the same.
TEST(Explain, TheLineIsThePath) {
  for (const char* line :
       {"", "delay 100ms 10ms 25% distribution normal", "loss gemodel 1% 10%", "loss 10% 25%",
        "delay 20ms reorder 25% 50% gap 5", "duplicate 1% corrupt 2% flip 3% bits 4 truncate 5%",
        "rate 1mbit 14 53 -5 queue 10 queue-bytes 5000 mtu 1280 seed 9 outage 2s..3s",
        "slot 10ms 20ms packets 5 bytes 5000 limit 50 hold 5% 10ms keep-order"}) {
    SCOPED_TRACE(line);
    const PhaseExplanation first = explain_line(line);
    EXPECT_TRUE(parse_netem(line, {}) == parse_netem(first.netem, {})) << first.netem;
    EXPECT_EQ(explain_line(first.netem).words, first.words);
  }
}

// Everything that was asked for is said in words; what was not is not.
TEST(Explain, SaysAllInWords) {
  const PhaseExplanation all = explain_line(
      "delay 100ms 10ms 25% distribution normal loss state 1% 20% 30% 40% 2% corrupt 3% duplicate "
      "4% "
      "reorder 5% gap 3 flip 6% bits 2 truncate 7% hold 8% 9ms rate 1mbit 14 53 -5 queue 11 "
      "queue-bytes 12000 slot 1ms 2ms packets 13 bytes 14000 limit 15 mtu 1280 keep-order");
  const std::string words = testing::PrintToString(all.words);
  for (const char* part : {"100ms",
                           "10ms (normal)",
                           "25%",
                           "jitter never changes the order",
                           "four states",
                           "damages 3%",
                           "delivers 4%",
                           "sends 5% at once",
                           "only after 2 in a row",
                           "2 bits in 6%",
                           "cuts 7%",
                           "holds 8% back by 9ms",
                           "1 Mbit/s",
                           "14 bytes more",
                           "cells of 53 bytes",
                           "11 datagrams",
                           "12000 bytes",
                           "1ms to 2ms apart",
                           "13 datagrams",
                           "14000 bytes",
                           "at most 15 under way",
                           "above 1280 bytes",
                           "payloads above 1252"}) {
    EXPECT_THAT(words, HasSubstr(part));
  }
  EXPECT_THAT(explain_line("").words, IsEmpty());
  EXPECT_THAT(explain_line("loss 10%").words, ElementsAre("loses 10% of the datagrams"));
}

// Words that tc does not know are named.
TEST(Explain, NamesItsOwnWords) {
  EXPECT_THAT(explain_line("delay 10ms loss 1%").own_words, IsEmpty());
  EXPECT_THAT(
      explain_line(
          "delay 1ms 1ms keep-order loss every 3 flip 1% truncate 1% hold 1% 2ms rate 1mbit "
          "queue 5 queue-bytes 6 mtu 1280 seed 7 outage 1s..2s")
          .own_words,
      ElementsAre("seed", "loss every", "flip", "truncate", "hold", "keep-order", "queue",
                  "queue-bytes", "mtu", "outage"));
}

// Each thing that netem would do otherwise is said with its size, where it applies and only there.
TEST(Explain, SaysWhereNetemDiffers) {
  const auto differs = [](const char* line) { return explain_line(line).differs; };
  EXPECT_THAT(differs("loss 1%"), IsEmpty());
  EXPECT_THAT(differs("loss gemodel 1% 10% limit 1000"), IsEmpty());
  EXPECT_THAT(differs("loss 10% 25%"), ElementsAre(HasSubstr("about 1.77%")));
  EXPECT_THAT(differs("loss 0.3% 25%"), ElementsAre(HasSubstr("none at all")));
  EXPECT_THAT(differs("duplicate 10% 25%"), ElementsAre(HasSubstr("duplicate 10% 25%")));
  EXPECT_THAT(differs("corrupt 1%"), ElementsAre(HasSubstr("flips a bit")));
  EXPECT_THAT(differs("loss 20% duplicate 30%"), ElementsAre(HasSubstr("duplicates before")));
  EXPECT_THAT(differs("delay 100ms"), ElementsAre(HasSubstr("about 10000 a second")));
  EXPECT_THAT(differs("delay 100ms 10ms 25% limit 9999"),
              ElementsAre(HasSubstr("correlation of 25% would be none")));
  EXPECT_THAT(differs("rate 1mbit limit 9999"), ElementsAre(HasSubstr("'rate 1mbit 14'")));
  EXPECT_THAT(differs("delay 9ms 3ms rate 1mbit limit 9999"),
              Contains(HasSubstr("keeps the order")));
  EXPECT_THAT(differs("delay 100ms 10ms distribution normal limit 9999"), IsEmpty());
  EXPECT_THAT(differs("delay 100ms 10ms distribution pareto limit 9999"),
              ElementsAre(HasSubstr("by 82% of the jitter, 8.2 ms, and lower the mean by 3.3%")));
  EXPECT_THAT(differs("delay 100ms 10ms distribution paretonormal limit 9999"),
              ElementsAre(HasSubstr("iproute2's paretonormal would vary by 83%")));
  EXPECT_THAT(differs("delay 9ms reorder 5% limit 9999"), IsEmpty());
  EXPECT_THAT(differs("delay 9ms reorder 5% rate 1mbit limit 9999"),
              Contains(HasSubstr("waits for the rate, too")));
  EXPECT_THAT(differs("slot 5ms limit 9999"), ElementsAre(HasSubstr("slot's interval")));
}

// What a payload takes on the line counts overheads and cells, as the line does.
TEST(Explain, CountsOverheadsAndCells) {
  EXPECT_THAT(explain_line("rate 1mbit").words, Contains(HasSubstr("8.224 ms for a payload")));
  // 1028 bytes and 20 are 22 cells of 48 bytes, which take 53 each.
  const PhaseExplanation cells = explain_line("rate 1mbit 20 48 5 limit 9999");
  EXPECT_THAT(cells.words, Contains(HasSubstr("9.328 ms for a payload")));
  EXPECT_THAT(cells.differs, ElementsAre(HasSubstr("4.35% less")));
  EXPECT_THAT(cells.differs, ElementsAre(HasSubstr("'rate 1mbit 34 48 5'")));
  // The header fits into the last cell.
  EXPECT_THAT(explain_line("rate 1mbit 0 48 5 limit 9999").differs, IsEmpty());
  EXPECT_THAT(explain_line("rate 1mbit 2147483640 limit 9999").differs, IsEmpty());
}

// A first decision that stands for all is no rate that anybody would see.
TEST(Explain, SaysThatAllOrNothingIsLost) {
  EXPECT_THAT(explain_line("loss 10% 100%").words,
              ElementsAre("loses every datagram or none, the first decision standing for all: "
                          "every one with 10%"));
  EXPECT_THAT(explain_line("duplicate 10% 100%").words, ElementsAre(HasSubstr("standing for all")));
  EXPECT_THAT(explain_line("loss 100% 100%").words, ElementsAre(HasSubstr("loses 100%")));
}

// Slots that count datagrams are no rate: how much they carry depends on the datagrams.
TEST(ExplanationText, SaysHowManyDatagramsSlotsLetOut) {
  const std::string text =
      explanation_text(explain_way(Direction::kUplink, "slot 10ms packets 1"),
                       explain_way(Direction::kDownlink, "rate 1mbit slot 10ms packets 1"));
  EXPECT_THAT(text, HasSubstr("mean rate            at most 100 datagrams a second\n"));
  EXPECT_THAT(text, HasSubstr("mean rate            1 Mbit/s, at most 100 datagrams a second\n"));
}

// What jitter would send before it was offered is cut off, and the mean says so.
TEST(Explain, SaysWhatIsCutOff) {
  const PhaseExplanation cut = explain_line("delay 5ms 10ms");
  EXPECT_THAT(cut.words, ElementsAre(HasSubstr("25% would arrive before they were sent")));
  EXPECT_NEAR(cut.figures.delay_mean_ms, 5.625, 1e-9);
}

// The phases of a timeline follow each other, complete, and together are a line and a timeline that
// make the same path.
TEST(Explain, PhasesOfATimeline) {
  Timeline<LinkSettings> timeline(parse_netem("delay 20ms loss 1% outage 1s..2s seed 5", {}));
  timeline.add(Instant(5s), parse_netem("delay 20ms loss 100%", {}));
  timeline.add(Instant(6s), parse_netem("delay 80ms loss 0%", {}));
  const WayExplanation way = explain(Direction::kUplink, timeline, kIpv4);
  ASSERT_EQ(way.phases.size(), 3U);
  EXPECT_FALSE(way.phases[0].start.has_value());
  EXPECT_EQ(way.phases[1].start, 5s);
  EXPECT_EQ(way.phases[1].figures.loss.rate, 1);
  EXPECT_EQ(way.phases[2].netem, "delay 80ms loss 0%");
  ASSERT_EQ(way.outages.size(), 1U);
  EXPECT_EQ(parse_timeline(way.timeline, {}).size(), 2U);
  EXPECT_THAT(explanation_text(way, explain_way(Direction::kDownlink, "")),
              HasSubstr("\n from 6s on\n"));
}

// What is the same in both directions is said once.
TEST(ExplanationText, SaysOnceWhatIsAlike) {
  EXPECT_EQ(
      '\n' + explanation_text(explain_way(Direction::kUplink, "loss gemodel 1% 10% limit 10"),
                              explain_way(Direction::kDownlink, "loss gemodel 1% 10% limit 10")),
      R"(
uplink, client to server, and downlink, server to client, alike
  has good and bad times: before each datagram a good time ends with a chance of 1%, a bad one of 10%; loses 100% in bad times and 0% in good ones
  keeps at most 10 under way, and loses what comes on top
  average loss         9.09%
  mean run of losses   10
  mean delay           0 ms
  mean rate            no limit
  as a netem line      loss gemodel 1% 10% 100% 0% limit 10
)");
}

// A chance that was computed from something else has three digits in words and all in the line.
TEST(ExplanationText, ComputedChancesAreShort) {
  const std::string text =
      explanation_text(explain_way(Direction::kUplink, "loss gemodel 1.5873015873015873% 12.5%"),
                       explain_way(Direction::kDownlink, ""));
  EXPECT_THAT(text, HasSubstr("a chance of 1.59%, a bad one of 12.5%;"));
  EXPECT_THAT(text, HasSubstr("loss gemodel 1.5873015873015873% 12.5%"));
}

// The names are stable, and what cannot be a number is null.
TEST(ExplanationJson, NamesAreStable) {
  const nlohmann::ordered_json json =
      explanation_json(explain_way(Direction::kUplink, "loss 100% delay 10ms"),
                       explain_way(Direction::kDownlink, "rate 1mbit outage 1s..2s"));
  EXPECT_EQ(json["uplink"]["phases"][0]["loss"], 1.0);
  EXPECT_TRUE(json["uplink"]["phases"][0]["mean_burst"].is_null());
  EXPECT_TRUE(json["uplink"]["phases"][0]["mean_rate_bits_per_second"].is_null());
  EXPECT_EQ(json["uplink"]["phases"][0]["mean_delay_ms"], 10.0);
  EXPECT_EQ(json["downlink"]["phases"][0]["mean_rate_bits_per_second"], 1e6);
  EXPECT_EQ(json["downlink"]["outages"][0]["end_seconds"], 2.0);
  std::vector<std::string> names;
  for (const auto& [name, value] : json["uplink"]["phases"][0].items()) names.push_back(name);
  EXPECT_THAT(names, ElementsAre("start_seconds", "netem", "own_words", "words", "loss",
                                 "mean_burst", "mean_delay_ms", "mean_rate_bits_per_second",
                                 "datagrams_per_second_max", "netem_differs"));
}

}  // namespace
}  // namespace lossy
