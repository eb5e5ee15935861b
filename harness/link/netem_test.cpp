#include <lossy/harness/link/netem.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace lossy {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr Probability percent(std::uint64_t percentage) {
  return Probability::ratio(percentage, 100);
}

// One distribution and one trace by name.
TableFiles files() {
  return {.distribution = [](const std::string& name) -> std::string {
            if (name == "mine") return "-8192 0 8192";
            if (name == "ill") return "1 2 x";
            throw std::system_error(std::make_error_code(std::errc::no_such_file_or_directory),
                                    quote(name));
          },
          .trace = [](const std::string& name) -> std::string {
            if (name == "trace.up") return "1\n2\n3\n";
            if (name == "ill") return "3\n1\n";
            throw std::system_error(std::make_error_code(std::errc::no_such_file_or_directory),
                                    quote(name));
          }};
}

LinkSettings parse(std::string_view line) {
  return parse_netem(line, files());
}

struct Broken {
  std::string word;  // What the error points at.
  std::size_t offset = 0;
  std::string what;
};

template <typename Read>
Broken broken(std::string_view text, Read read) {
  try {
    read(text, files());
  } catch (const NetemError& error) {
    if (error.offset + error.size > text.size()) return {"beyond the end", error.offset, ""};
    return {std::string(text.substr(error.offset, error.size)), error.offset, error.what()};
  }
  return {"not refused", 0, ""};
}

// The text with the brackets around a word taken out, and where the word stands.
std::pair<std::string, Broken> marked(std::string line) {
  const std::size_t from = line.find('[');
  line.erase(from, 1);
  const std::size_t to = line.find(']');
  line.erase(to, 1);
  return {line, {line.substr(from, to - from), from, ""}};
}

// A broken line is refused at the word that is to blame; where one is missing, at the line's end.
TEST(Netem, BrokenLinesPointAtTheWord) {
  std::ifstream file(NETEM_BROKEN_LINES);
  int count = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    const auto [text, expected] = marked(line);
    const Broken found = broken(text, parse_netem);
    // Behind the last word there may be white space, and in front of what is missing.
    const bool missing = expected.word.empty();
    EXPECT_EQ(found.word, expected.word) << line;
    EXPECT_EQ(found.offset, missing ? text.find_last_not_of(' ') + 1 : expected.offset) << line;
    EXPECT_THAT(found.what, HasSubstr(missing ? "needs" : '"' + expected.word + '"')) << line;
    ++count;
  }
  EXPECT_GE(count, 50);
}

TEST(Netem, BrokenWordsOfItsOwnAreRefusedAtTheWord) {
  for (const char* line : {"[see] 5",
                           "seed [x]",
                           "seed [-1]",
                           "seed [18446744073709551616]",
                           "[flips] 1%",
                           "flip [x]",
                           "flip 1% 5% [6%]",
                           "flip 1% bits [0]",
                           "flip 1% bits [9]",
                           "flip 1% [bit] 3",
                           "truncate [101%]",
                           "[trunc] 1%",
                           "hold 5% [x]",
                           "hold 5% [0s] 10%",
                           "hold 0% [0.0001us]",
                           "[hol] 5% 1ms",
                           "hold 5% 1ms [105%]",
                           "[keep] order",
                           "keep-order [on]",
                           "queue [1.5]",
                           "queue-bytes [1x]",
                           "mtu [x]",
                           "outage [2s]",
                           "outage [2s..1s]",
                           "outage [2..3]",
                           "outage 2s..3s [4s..5s]",
                           "outage 2s..4s outage [3s..5s]",
                           "outage 2s..4s outage [1s..2.1s] outage 2s..3s",
                           "outage 2s..4s outage [2s..4s]",
                           "outage 5s..6s outage 2s..4s outage [3.9s..5s]",
                           "outage 2s..3s outage [1s..4s]",
                           "loss every [0]",
                           "loss every [5%]",
                           "loss 1% [loss] every 3",
                           "loss every 3 [loss] 1%",
                           "trace [nothing]",
                           "trace [ill]",
                           "rate 1mbit [trace] trace.up",
                           "trace trace.up [rate] 1mbit",
                           "delay 10ms 1ms distribution [ill]",
                           "delay 10ms 1ms distribution [nothing]",
                           "slot distribution [uniform] 10ms 1ms",
                           "limit [-5]",
                           "slot 10ms packets [-5]",
                           "rate [50%]",
                           "delay [-5ms]",
                           "duplicate [%]",
                           "duplicate [0x10%]"}) {
    const auto [text, expected] = marked(line);
    const Broken found = broken(text, parse_netem);
    EXPECT_EQ(found.word, expected.word) << line << ": " << found.what;
    EXPECT_EQ(found.offset, expected.offset) << line;
  }
}

// netem's ecn is not silently without effect.
TEST(Netem, EcnIsRefusedWithTheReason) {
  const Broken found = broken("loss 1% ecn", parse_netem);
  EXPECT_EQ(found.word, "ecn");
  EXPECT_THAT(found.what, HasSubstr("\"ecn\" marks packets"));
  EXPECT_THAT(found.what, HasSubstr("UDP"));
}

// A word sets all that it stands for, and nothing else.
TEST(Netem, WordsSetWhatTheyStandFor) {
  LinkSettings settings;
  EXPECT_EQ(parse(""), settings);
  EXPECT_EQ(parse(" \t\n "), settings);

  settings = {};
  settings.delay = 10ms;
  settings.jitter = 0ms;
  settings.jitter_correlation = Probability{};
  settings.distribution.emplace(nullptr);
  EXPECT_EQ(parse("delay 10ms"), settings);
  EXPECT_EQ(parse("\tlatency   10ms\n"), settings);
  settings.jitter = 5ms;
  EXPECT_EQ(parse("delay 10ms 5ms"), settings);
  EXPECT_EQ(parse("delay 10ms 5ms distribution uniform"), settings);
  settings.jitter_correlation = percent(25);
  EXPECT_EQ(parse("delay 10ms 5ms 25%"), settings);
  settings.distribution = DelayTable::built_in("pareto");
  EXPECT_EQ(parse("distribution pareto delay 10ms 5ms 25%"), settings);
  EXPECT_FALSE(parse("distribution normal delay 10ms 5ms 25%") == settings);
  settings.distribution = DelayTable::parse("-8192 0 8192", "mine");
  EXPECT_EQ(parse("distribution mine delay 10ms 5ms 25%"), settings);

  settings = {};
  settings.loss = RandomLoss{percent(1)};
  EXPECT_EQ(parse("loss 1%"), settings);
  EXPECT_EQ(parse("drop 1"), settings);
  EXPECT_EQ(parse("loss random 1%"), settings);
  settings.loss = RandomLoss{{percent(1), percent(25)}};
  EXPECT_EQ(parse("loss 1% 25%"), settings);
  settings.loss = FourStateLoss{percent(1), percent(99), {}, percent(100), {}};
  EXPECT_EQ(parse("loss state 1%"), settings);
  settings.loss = FourStateLoss{percent(1), percent(2), percent(3), percent(4), percent(5)};
  EXPECT_EQ(parse("loss state 1% 2% 3% 4% 5%"), settings);
  settings.loss = GilbertElliott{percent(1), percent(99), percent(100), {}};
  EXPECT_EQ(parse("loss gemodel 1%"), settings);
  settings.loss = GilbertElliott{percent(1), percent(2), percent(3), percent(4)};
  EXPECT_EQ(parse("loss gemodel 1% 2% 3% 4%"), settings);
  settings.loss = EveryNthLoss{7};
  EXPECT_EQ(parse("loss every 7"), settings);

  settings = {};
  settings.checksum = Chance{percent(1), percent(2)};
  EXPECT_EQ(parse("corrupt 1% 2%"), settings);
  settings = {};
  settings.duplicate = Chance{percent(1), percent(2)};
  EXPECT_EQ(parse("duplicate 1% 2%"), settings);
  settings = parse("delay 10ms");
  settings.early = Early{{percent(1), percent(2)}, 5};
  EXPECT_EQ(parse("gap 5 reorder 1% 2% delay 10ms"), settings);
  settings.early = Early{percent(1), 1};
  EXPECT_EQ(parse("reorder 1% delay 10ms"), settings);
  settings = {};
  settings.early = Early{};
  EXPECT_EQ(parse("reorder 0% gap 0"), settings);
  EXPECT_EQ(parse("gap 0"), LinkSettings{});

  settings = {};
  settings.in_flight = 2048;
  EXPECT_EQ(parse("limit 2k"), settings);

  settings = {};
  settings.rate = RateLimit{.bits_per_second = 1'000'000};
  settings.trace.emplace(nullptr);
  EXPECT_EQ(parse("rate 1mbit"), settings);
  settings.rate = RateLimit{1'000'000, -4, 48, 5};
  EXPECT_EQ(parse("rate 1mbit -4 0x30 5"), settings);
  settings.rate = RateLimit{1'000'000, 4, 0, -5};
  EXPECT_EQ(parse("rate 1mbit 4 -5"), settings);
  settings.rate = RateLimit{};
  EXPECT_EQ(parse("rate 0"), settings);
  settings.trace = DeliveryTrace::parse("1\n2\n3\n", "trace.up");
  EXPECT_EQ(parse("trace trace.up"), settings);
}

TEST(Netem, SlotsAreAnIntervalOrADistribution) {
  LinkSettings settings;
  settings.slots = Slots{.enabled = true, .interval_min = 100ns, .interval_max = 100ns};
  EXPECT_EQ(parse("slot 100"), settings);
  settings.slots->interval_max = 2ms;
  EXPECT_EQ(parse("slot 100ns 2ms"), settings);
  settings.slots->datagrams_max = 5;
  settings.slots->bytes_max = 1024;
  EXPECT_EQ(parse("slot 100ns 2ms packets 5 bytes 1k"), settings);
  EXPECT_EQ(parse("slot 100ns 2ms p 5 by 1k"), settings);
  // What is said twice replaces what it says, and no more.
  EXPECT_EQ(parse("slot 1ms packets 5 bytes 1k slot 100ns 2ms"), settings);

  settings.slots = Slots{.enabled = true,
                         .table = DelayTable::built_in("normal"),
                         .table_delay = 10ms,
                         .table_jitter = 1ms,
                         .bytes_max = 5};
  EXPECT_EQ(parse("slot distribution normal 10ms 1ms bytes 5"), settings);
  EXPECT_EQ(parse("slot distribution normal 10ms 1ms bytes 5 slot 3ms"), settings);
  EXPECT_EQ(parse("slot 3ms bytes 5 slot distribution normal 10ms 1ms"), settings);

  settings.slots = Slots{};
  EXPECT_EQ(parse("slot 0 packets 5"), settings);
}

TEST(Netem, WordsOfItsOwnSetWhatTheyStandFor) {
  LinkSettings settings;
  settings.seed = 18'446'744'073'709'551'615U;
  EXPECT_EQ(parse("seed 18446744073709551615"), settings);
  settings = {};
  settings.corrupt = percent(1);
  settings.corrupt_bits = 1;
  EXPECT_EQ(parse("flip 1%"), settings);
  settings.corrupt = Chance{percent(1), percent(2)};
  settings.corrupt_bits = 3;
  EXPECT_EQ(parse("flip 1% 2% bits 3"), settings);
  settings = {};
  settings.truncate = Chance{percent(1), percent(2)};
  EXPECT_EQ(parse("truncate 1% 2%"), settings);
  settings = {};
  settings.reorder = Chance{percent(1), percent(2)};
  settings.reorder_delay = 20ms;
  EXPECT_EQ(parse("hold 1% 20ms 2%"), settings);
  settings = {};
  settings.keeps_order = true;
  EXPECT_EQ(parse("keep-order"), settings);
  settings.keeps_order = false;
  EXPECT_EQ(parse("keep-order off"), settings);
  settings = {};
  settings.queue_datagrams = 100;
  settings.queue_bytes = 2048;
  settings.mtu_bytes = 1500;
  EXPECT_EQ(parse("queue 100 queue-bytes 2k mtu 1500"), settings);
  settings = {};
  // In any order; where one ends the next may start.
  settings.outages = {
      {Instant(0s), Instant(2s)}, {Instant(2s), Instant(3s)}, {Instant(5s), Instant(1min)}};
  EXPECT_EQ(parse("outage 2s..3s outage 5s..1min outage 0..2s"), settings);
}

// What is missing is missed by the word that it belongs to.
TEST(Netem, AMissingWordIsToldWithTheOneThatNeedsIt) {
  for (const std::string line : {"loss", "loss gemodel", "loss state", "loss random", "loss every",
                                 "delay 1ms reorder", "flip 1% bits", "slot 1ms bytes"}) {
    const std::string last = line.substr(line.rfind(' ') + 1);
    EXPECT_THAT(broken(line, parse_netem).what, HasSubstr(quote(last))) << line;
  }
}

// An abbreviation means the first of tc's words that it fits, in tc's order.
TEST(Netem, AbbreviationsAreTcs) {
  EXPECT_EQ(parse("l 5"), parse("limit 5"));
  EXPECT_EQ(parse("la 5ms"), parse("latency 5ms"));
  EXPECT_EQ(parse("lo 5%"), parse("loss 5%"));
  EXPECT_EQ(parse("d 5ms"), parse("delay 5ms"));
  EXPECT_EQ(parse("dr 5%"), parse("drop 5%"));
  EXPECT_EQ(parse("du 5%"), parse("duplicate 5%"));
  EXPECT_EQ(parse("d 5ms 1ms di normal"), parse("delay 5ms 1ms distribution normal"));
  EXPECT_EQ(parse("d 5ms r 5% g 3"), parse("delay 5ms reorder 5% gap 3"));
  EXPECT_EQ(parse("ra 5"), parse("rate 5"));
  EXPECT_EQ(parse("c 5%"), parse("corrupt 5%"));
  EXPECT_EQ(parse("s 5"), parse("slot 5"));
  EXPECT_EQ(broken("t 5", parse_netem).word, "t");
  EXPECT_EQ(broken("e", parse_netem).word, "e");
}

// A word that is there twice replaces what it says, and no more, as in tc.
TEST(Netem, TheLastOfTwoWordsCounts) {
  EXPECT_EQ(parse("delay 9ms 2ms 25% delay 5ms"), parse("delay 5ms 2ms 25%"));
  EXPECT_EQ(parse("delay 9ms 2ms delay 5ms 1ms"), parse("delay 5ms 1ms"));
  EXPECT_EQ(parse("corrupt 1% 25% corrupt 2%"), parse("corrupt 2% 25%"));
  EXPECT_EQ(parse("duplicate 1% 25% duplicate 2%"), parse("duplicate 2% 25%"));
  EXPECT_EQ(parse("delay 1ms reorder 1% 5% reorder 2%"), parse("delay 1ms reorder 2% 5%"));
  EXPECT_EQ(parse("rate 1mbit 5 48 3 rate 2mbit"), parse("rate 2mbit 5 48 3"));
  EXPECT_EQ(parse("loss 0% 25% loss 5%"), parse("loss 5% 25%"));
  EXPECT_EQ(parse("loss 0% loss state 5%"), parse("loss state 5%"));
  EXPECT_EQ(parse("limit 5 limit 6"), parse("limit 6"));
  EXPECT_EQ(parse("delay 1ms 1ms distribution normal distribution pareto"),
            parse("delay 1ms 1ms distribution pareto"));
}

// The canonical line of each is itself, in the same order and with every value.
TEST(Netem, CanonicalLinesStayAsTheyAre) {
  for (const std::string line :
       {"",
        "delay 10ms",
        "delay 0s",
        "delay 1500ms 0.001us 25% distribution paretonormal",
        "delay 10ms 20ms distribution mine",
        "delay 10ms 0s 25%",
        "loss 0%",
        "loss 33.333% 1%",
        "loss state 1% 2% 3% 4% 5%",
        "loss gemodel 1% 2% 3% 4%",
        "loss every 7",
        "corrupt 1% 2%",
        "duplicate 1% 2%",
        "delay 10ms reorder 1% 2% gap 5",
        "delay 10ms reorder 1%",
        "reorder 0%",
        "rate 0bit",
        "rate 12345bit",
        "rate 1mbit -4 48 5",
        "rate 1mbit 0 0 -5",
        "trace trace.up",
        "slot 0s",
        "slot 100ns 2ms packets 5 bytes 4294967295",
        "slot distribution normal 10ms 1ms",
        "limit 0",
        "flip 1% 2% bits 8",
        "truncate 100%",
        "hold 1% 20ms 2%",
        "keep-order",
        "keep-order off",
        "queue 18446744073709551615",
        "queue-bytes 18446744073709551615",
        "mtu 0",
        "outage 0s..1s outage 1s..1.5s",
        "seed 0",
        "delay 10ms 1ms distribution normal loss 1% corrupt 1% duplicate 1% reorder 1% rate 1mbit "
        "slot 1ms 1ms limit 5 flip 1% truncate 1% hold 1% 1ms keep-order queue 5 queue-bytes 6 mtu "
        "7 outage 1s..2s seed 8"}) {
    EXPECT_EQ(format_netem(parse(line)), line);
  }
}

// Settings that are complete are read again as they are, whatever their values.
TEST(Netem, SettingsAreReadAgainAsTheyAre) {
  for (std::uint64_t n = 1; n <= 2'000; ++n) {
    SCOPED_TRACE(n);
    const RandomStream draws = RandomStream(3).stream(n);
    std::uint64_t drawn = 0;
    const auto below = [&](std::uint64_t bound) { return uniform_below(draws.at(++drawn), bound); };
    const auto probability = [&] { return Probability::ratio(below(~0U) >> below(32), ~0U); };
    const auto chance = [&] {
      return Chance{probability(), below(2) > 0 ? probability() : Probability{}};
    };
    const auto at_least = [&](Duration min) {
      return min + Duration(static_cast<Duration::rep>(below(1'000'000'000'000) >> below(40)));
    };
    LinkSettings settings;
    settings.delay = at_least(1ns);
    settings.jitter = at_least(1ns);
    settings.jitter_correlation = probability();
    settings.distribution.emplace(below(2) > 0 ? DelayTable::built_in("normal") : nullptr);
    const std::vector<LossModel> losses = {
        RandomLoss{chance()},
        GilbertElliott{probability(), probability(), probability(), probability()},
        FourStateLoss{probability(), probability(), probability(), probability(), probability()},
        EveryNthLoss{1 + below(1000)}};
    if (below(2) > 0) settings.loss = losses[below(losses.size())];
    if (below(2) > 0) settings.checksum = chance();
    if (below(2) > 0) settings.duplicate = chance();
    if (below(2) > 0) settings.truncate = chance();
    if (below(2) > 0) {
      settings.early =
          Early{{Probability::ratio(1 + below(100), 100), probability()}, 1 + below(9)};
    }
    if (below(2) > 0) {
      settings.reorder = chance();
      settings.reorder_delay = at_least(1ns);
      settings.corrupt = chance();
      settings.corrupt_bits = 1 + below(8);
    }
    if (below(2) > 0) {
      settings.rate =
          RateLimit{below(kRateMax), static_cast<std::int32_t>(below(~0U)),
                    static_cast<std::uint32_t>(below(~0U)), static_cast<std::int32_t>(below(~0U))};
      settings.trace.emplace(nullptr);
      const Duration min = at_least(1ns);
      settings.slots = Slots{.enabled = true,
                             .interval_min = min,
                             .interval_max = at_least(min),
                             .datagrams_max = below(3),
                             .bytes_max = below(3)};
      settings.keeps_order = below(2) > 0;
    }
    if (below(2) > 0) {
      settings.in_flight = below(~0U);
      settings.queue_datagrams = draws.at(++drawn);
      settings.queue_bytes = draws.at(++drawn);
      settings.mtu_bytes = draws.at(++drawn);
      settings.seed = draws.at(++drawn);
      settings.outages = {{Instant(0s), Instant(at_least(1ns))}};
    }
    const std::string line = format_netem(settings);
    EXPECT_EQ(parse(line), settings) << line;
  }
}

// Settings that are not complete give a line that can be read, with what they leave open at its
// default.
TEST(Netem, SettingsThatAreNotCompleteGiveALineAllTheSame) {
  LinkSettings settings;
  settings.jitter = 5ms;
  EXPECT_EQ(format_netem(settings), "delay 0s 5ms");
  settings = {};
  settings.delay = 10ms;
  settings.distribution = DelayTable::built_in("normal");
  EXPECT_EQ(format_netem(settings), "delay 10ms");
  settings = {};
  settings.early = Early{percent(5)};
  EXPECT_EQ(format_netem(settings), "");
  settings = {};
  settings.reorder = percent(5);
  EXPECT_EQ(format_netem(settings), "hold 5% 10ms");
  settings = {};
  settings.corrupt_bits = 3;
  EXPECT_EQ(format_netem(settings), "flip 0% bits 3");
  settings = parse("trace trace.up");
  settings.rate = RateLimit{.bits_per_second = 5};
  EXPECT_EQ(format_netem(settings), "trace trace.up");
  settings = {};
  settings.trace.emplace(nullptr);
  EXPECT_EQ(format_netem(settings), "rate 0bit");
}

// A file's own trouble is told at the name that asked for it.
TEST(Netem, FilesAreAskedForByName) {
  EXPECT_THAT(broken("trace nothing", parse_netem).what, HasSubstr("No such file"));
  EXPECT_THAT(broken("delay 1ms 1ms distribution nothing", parse_netem).what,
              HasSubstr("No such file"));
  const auto without = [](std::string_view line, const TableFiles&) {
    return parse_netem(line, {});
  };
  EXPECT_EQ(broken("trace trace.up", without).word, "trace.up");
  EXPECT_EQ(broken("delay 1ms 1ms distribution mine", without).word, "mine");
  EXPECT_EQ((*parse_netem("delay 1ms 1ms distribution normal", {}).distribution)->name(), "normal");
}

// A timeline's lines are netem's, each from its time on.
TEST(NetemTimeline, HasALineForEachTime) {
  const auto phases =
      parse_timeline(" 0s: loss 1%;5s:loss 100% ; 1.5min: delay 80ms loss 1%;2h:", files());
  ASSERT_EQ(phases.size(), 4U);
  EXPECT_EQ(phases[0], std::pair(Instant(0s), parse("loss 1%")));
  EXPECT_EQ(phases[1], std::pair(Instant(5s), parse("loss 100%")));
  EXPECT_EQ(phases[2], std::pair(Instant(90s), parse("delay 80ms loss 1%")));
  EXPECT_EQ(phases[3], std::pair(Instant(2h), LinkSettings{}));
  EXPECT_EQ(format_timeline(phases), "0s: loss 1%; 5s: loss 100%; 90s: delay 80ms loss 1%; 7200s:");
  EXPECT_EQ(parse_timeline(format_timeline(phases), files()), phases);
}

TEST(NetemTimeline, BrokenOnesPointIntoTheWholeText) {
  for (const char* text :
       {"[]", "[loss 1%]", "0s: loss 1%;[]", "0s: loss 1%; [loss 2%]", "[5]: loss 1%",
        "[]: loss 1%", "[x y]: loss 1%", "5s: loss 1%; [5s]: ", "5s: loss 1%; [4s]: loss 2%",
        "0s: loss 1%; 5s: loss [x]; 6s:", "0s: loss 1%; 5s: [foo]", "0s: loss[]; 5s: loss 1%",
        "0s: [seed] 5", "0s: loss 1%; 5s: [outage] 1s..2s", "0s: delay 5ms; 5s: [reorder] 5%",
        "0s: loss 1% [:]"}) {
    const auto [line, expected] = marked(text);
    const Broken found = broken(line, parse_timeline);
    EXPECT_EQ(found.word, expected.word) << text << ": " << found.what;
    EXPECT_EQ(found.offset, expected.offset) << text;
  }
}

// A whole line of tc's, as it is typed or as it is shown, is what stands behind its "netem".
TEST(NetemLine, PastedWhole) {
  const LinkSettings settings = parse("limit 1000 delay 20ms loss 1%");
  for (const char* line :
       {"tc qdisc add dev eth0 root netem limit 1000 delay 20ms loss 1%",
        "tc qdisc change dev eth0 parent 1:1 handle 10: netem limit 1000 delay 20ms loss 1%",
        "$ sudo /sbin/tc qdisc add dev eth0 root netem limit 1000 delay 20ms loss 1%",
        "netem limit 1000 delay 20ms loss 1%",
        "qdisc netem 8001: dev eth0 root refcnt 2 limit 1000 delay 20ms loss 1%",
        "qdisc netem 8001: root refcnt 2 limit 1000 delay 20ms loss 1%",
        "qdisc netem 10: parent 1:3 limit 1000 delay 20ms loss 1%"}) {
    EXPECT_EQ(parse(line), settings) << line;
  }
  EXPECT_EQ(parse("tc qdisc add dev lo root netem"), LinkSettings{});
  const Broken other = broken("tc qdisc add dev lo root tbf rate 1mbit", parse_netem);
  EXPECT_EQ(other.word, "qdisc");
  EXPECT_EQ(broken("tc delay 1ms netem loss", parse_netem).word, "tc");
  EXPECT_EQ(broken("qdisc netem 1: parent", parse_netem).what,
            "\"parent\" is the last word, and needs a value");
  EXPECT_EQ(broken("tc qdisc del dev eth0 root netem", parse_netem).word, "del");
  EXPECT_EQ(broken("tc qdisc add dev lo root netem delai 1ms", parse_netem).offset, 31U);
}

TEST(NetemOutage, IsFromATimeToALaterOne) {
  EXPECT_EQ(parse_outage("2s..3s"), (Outage{Instant(2s), Instant(3s)}));
  EXPECT_EQ(parse_outage("0..1.5min"), (Outage{Instant(0s), Instant(90s)}));
  EXPECT_EQ(format_outage(parse_outage("1500ms..2s")), "1.5s..2s");
  for (const char* text :
       {"", "2s", "..", "2s..", "..3s", "3s..2s", "2s..2s", "2..3s", "2s...3s"}) {
    EXPECT_THROW(parse_outage(text), TextError) << text;
  }
}

}  // namespace
}  // namespace lossy
