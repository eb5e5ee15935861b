#include <lossy/harness/link/fault_list.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>
#include <vector>

#include <lossy/core/random.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

CopyFate copy(Duration extra_delay, std::vector<std::uint32_t> flips = {}, bool held_back = false) {
  CopyFate fate{.extra_delay = extra_delay,
                .held_back = held_back,
                .flips_count = static_cast<std::uint8_t>(flips.size())};
  std::ranges::copy(flips, fate.flipped_bits.begin());
  return fate;
}

CopyFate cut(CopyFate fate, std::uint32_t kept_bytes) {
  fate.kept_bytes = kept_bytes;
  return fate;
}

CopyFate held(Duration extra_delay, std::vector<std::uint32_t> flips = {}) {
  return copy(extra_delay, std::move(flips), true);
}

CopyFate early(Duration extra_delay) {
  CopyFate fate = copy(extra_delay);
  fate.early = true;
  return fate;
}

Fate fate_of(const std::vector<CopyFate>& copies) {
  Fate fate;
  fate.copies_count = copies.size();
  std::ranges::copy(copies, fate.copy.begin());
  return fate;
}

Fate lost_to(LossReason loss) {
  Fate fate = fate_of({});
  fate.loss = loss;
  return fate;
}

// The fate of the one fault in a list.
Fate only_fate(const std::string& text) {
  const FaultList list = FaultList::parse(text);
  EXPECT_EQ(list.size(Direction::kUplink) + list.size(Direction::kDownlink), 1U);
  return list.fate(list.size(Direction::kUplink) == 1 ? Direction::kUplink : Direction::kDownlink,
                   0);
}

// What the refusal says, or "accepted".
std::string refusal(std::string_view text) {
  try {
    (void)FaultList::parse(text);
  } catch (const TextError& error) {
    return error.what();
  }
  return "accepted";
}

// Every word of the grammar, alone and with all that may follow it.
TEST(FaultList, ReadsEveryWord) {
  const std::vector<std::pair<const char*, Fate>> readings = {
      {"drop", lost_to(LossReason::kDrop)},
      {"checksum", lost_to(LossReason::kChecksum)},
      {"deliver", fate_of({copy(0s)})},
      {"deliver+5ms", fate_of({copy(5ms)})},
      {"deliver-5ms", fate_of({copy(-5ms)})},
      {"deliver^17", fate_of({copy(0s, {17})})},
      {"deliver+5ms^17^3", fate_of({copy(5ms, {17, 3})})},
      {"delay+1.5s", fate_of({copy(1500ms)})},
      {"delay-1us^0", fate_of({copy(-1us, {0})})},
      {"corrupt^4294967295", fate_of({copy(0s, {4294967295})})},
      {"corrupt+1ms^8", fate_of({copy(1ms, {8})})},
      {"corrupt^0^1^2^3^4^5^6^7", fate_of({copy(0s, {0, 1, 2, 3, 4, 5, 6, 7})})},
      {"truncate=10", fate_of({cut(copy(0s), 10)})},
      {"truncate-5ms^17=0", fate_of({cut(copy(-5ms, {17}), 0)})},
      {"deliver=4294967294", fate_of({cut(copy(0s), 4294967294)})},
      {"deliver^17^3=1", fate_of({cut(copy(0s, {17, 3}), 1)})},
      {"hold+10ms=7", fate_of({cut(held(10ms), 7)})},
      {"duplicate=2/truncate=3", fate_of({copy(0s), cut(copy(0s), 2), cut(copy(0s), 3)})},
      {"hold+10ms", fate_of({held(10ms)})},
      {"hold-1ms^5", fate_of({held(-1ms, {5})})},
      {"hold+0s", fate_of({held(0s)})},
      {"reorder+10ms", fate_of({held(10ms)})},
      {"early-10ms", fate_of({early(-10ms)})},
      {"early+0s=3", fate_of({cut(early(0s), 3)})},
      {"early-10ms/hold+1ms", fate_of({early(-10ms), held(1ms)})},
      {"duplicate", fate_of({copy(0s), copy(0s)})},
      {"duplicate+5ms", fate_of({copy(0s), copy(5ms)})},
      {"duplicate-5ms^9", fate_of({copy(0s), copy(-5ms, {9})})},
      {"deliver/deliver", fate_of({copy(0s), copy(0s)})},
      {"deliver+5ms^17/hold+10ms", fate_of({copy(5ms, {17}), held(10ms)})},
      {"hold+1ms/duplicate+2ms/corrupt^1",
       fate_of({held(1ms), copy(0s), copy(2ms), copy(0s, {1})})},
  };
  for (const auto& [text, fate] : readings) {
    SCOPED_TRACE(text);
    EXPECT_EQ(only_fate(std::string("uplink.3:") + text), fate);
    EXPECT_EQ(only_fate(std::string("downlink.3:") + text), fate);
  }
}

// Times are exact to the nanosecond, and as long as any option's.
TEST(FaultList, TimesAreExact) {
  EXPECT_EQ(only_fate("uplink.1:delay+1.000000001s").copy[0].extra_delay, 1'000'000'001ns);
  EXPECT_EQ(only_fate("uplink.1:delay-0.000001ms").copy[0].extra_delay, -1ns);
  EXPECT_EQ(only_fate("uplink.1:delay+1000000000s").copy[0].extra_delay, kDurationMax);
  EXPECT_EQ(only_fate("uplink.1:delay-1000000000s").copy[0].extra_delay, -kDurationMax);
}

// A fault belongs to its direction and its number, whatever order they are written in.
TEST(FaultList, SortsByDirectionAndNumber) {
  const FaultList list = FaultList::parse(
      "uplink.18446744073709551615:drop,downlink.2:drop,uplink.3:delay+3ms,uplink.1:delay+1ms");
  ASSERT_EQ(list.size(Direction::kUplink), 3U);
  ASSERT_EQ(list.size(Direction::kDownlink), 1U);
  EXPECT_EQ(list.number(Direction::kUplink, 0), 1U);
  EXPECT_EQ(list.number(Direction::kUplink, 1), 3U);
  EXPECT_EQ(list.number(Direction::kUplink, 2), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(list.number(Direction::kDownlink, 0), 2U);
  EXPECT_EQ(list.fate(Direction::kUplink, 0), fate_of({copy(1ms)}));
  EXPECT_EQ(list.fate(Direction::kUplink, 1), fate_of({copy(3ms)}));
  EXPECT_TRUE(list.fate(Direction::kUplink, 2).lost());
}

// Commas and newlines separate, a comment reaches up to the end of its line, and blanks mean
// nothing.
TEST(FaultList, CommasNewlinesCommentsAndBlanks) {
  const FaultList list = FaultList::parse(
      "# What happened in: lossy simulate, uplink.9:drop\r\n"
      "\n"
      "  uplink.1:drop ,\tuplink.2:drop  # the first, the second\n"
      ",,\n"
      "uplink.3:drop,\r\n"
      "#\n"
      "downlink.1:drop#uplink.4:drop\n"
      "downlink.2:drop");
  EXPECT_EQ(list.size(Direction::kUplink), 3U);
  EXPECT_EQ(list.size(Direction::kDownlink), 2U);
}

// A list may be empty: that is what a run in which nothing happened writes down.
TEST(FaultList, MayBeEmpty) {
  for (const char* text : {"", " ", "\n", ",", "# nothing", "\n\n# nothing\n,,\r\n"}) {
    EXPECT_TRUE(FaultList::parse(text).empty());
  }
}

// A refusal quotes the fault that is meant, says what is wrong with it, and nothing of the others.
TEST(FaultList, RefusalsPointAtTheFault) {
  const std::vector<std::pair<const char*, const char*>> faults = {
      {"uplnk.3:drop", "starts with uplink. or downlink. and a number"},
      {"Uplink.3:drop", "starts with uplink. or downlink. and a number"},
      {"drop", "starts with uplink. or downlink. and a number"},
      {":", "starts with uplink. or downlink. and a number"},
      {"uplink", "is not a whole number from 1 to 18446744073709551615"},
      {"uplink:drop", "starts with uplink. or downlink. and a number"},
      {"uplink.:drop", "\"\" is not a whole number"},
      {"uplink.0:drop", "\"0\" is not a whole number from 1"},
      {"uplink.-1:drop", "\"-1\" is not a whole number"},
      {"uplink.1.5:drop", "\"1.5\" is not a whole number"},
      {"uplink.3 :drop", "\"3 \" is not a whole number"},
      {"uplink.18446744073709551616:drop", "is not a whole number"},
      {"uplink.3", "its fate is missing"},
      {"uplink.3:", "\"\" is not a fate; there are drop, checksum, deliver, delay"},
      {"uplink.3:lose", "\"lose\" is not a fate; there are drop, checksum, deliver, delay"},
      {"uplink.3:DROP", "\"DROP\" is not a fate"},
      {"uplink.3: drop", "\" drop\" is not a fate"},
      {"uplink.3:drop:drop", "\"drop:drop\" is not a fate"},
      {"uplink.3:drop+5ms", "what is lost has no time, bits or copies"},
      {"uplink.3:drop/deliver", "what is lost has no time, bits or copies"},
      {"uplink.3:deliver/drop", "what is lost has no time, bits or copies"},
      {"uplink.3:drop=5", "what is lost has no time, bits or copies"},
      {"uplink.3:checksum+5ms", "what is lost has no time, bits or copies"},
      {"uplink.3:deliver/checksum", "what is lost has no time, bits or copies"},
      {"uplink.3:queue", "\"queue\" is not a fate"},
      {"uplink.3:deliver/", "\"\" is not a fate"},
      {"uplink.3:/deliver", "\"\" is not a fate"},
      {"uplink.3:deliver+", "\"\" is not a time"},
      {"uplink.3:deliver+5", "\"5\" is not a time: it needs a unit"},
      {"uplink.3:deliver+-5ms", "\"-5ms\" is not a time: it must not be negative"},
      {"uplink.3:deliver+1ms+1ms", "\"1ms+1ms\" is not a time"},
      {"uplink.3:deliver+1000000001s", "at most 1000000000s"},
      {"uplink.3:deliver+0.1ns", "whole nanoseconds"},
      {"uplink.3:deliver^", "\"\" is not a whole number from 0 to 4294967295"},
      {"uplink.3:deliver^x", "\"x\" is not a whole number"},
      {"uplink.3:deliver^4294967296", "\"4294967296\" is not a whole number"},
      {"uplink.3:deliver^5+5ms", "\"5+5ms\" is not a whole number"},
      {"uplink.3:deliver^5^7^5", "bit 5 is flipped twice, which changes nothing"},
      {"uplink.3:corrupt^0^1^2^3^4^5^6^7^8", "at most 8 flipped bits"},
      {"uplink.3:deliver/deliver/deliver/deliver/deliver/deliver/deliver/deliver/deliver",
       "at most 8 copies"},
      {"uplink.3:duplicate/duplicate/duplicate/deliver/duplicate", "at most 8 copies"},
      {"uplink.3:hold", "\"hold\" needs a time, as in hold+10ms"},
      {"uplink.3:hold^5", "\"hold\" needs a time, as in hold+10ms"},
      {"uplink.3:reorder", "\"reorder\" needs a time, as in reorder+10ms"},
      {"uplink.3:early", "\"early\" needs a time, as in early-10ms"},
      {"uplink.3:delay", "\"delay\" needs a time"},
      {"uplink.3:delay+0s", "\"delay\" needs a time"},
      {"uplink.3:corrupt", "\"corrupt\" needs a bit"},
      {"uplink.3:corrupt+5ms", "\"corrupt\" needs a bit"},
      {"uplink.3:truncate", "\"truncate\" needs the number of bytes that are left"},
      {"uplink.3:truncate+5ms^3", "\"truncate\" needs the number of bytes that are left"},
      {"uplink.3:truncate=", "\"\" is not a whole number from 0 to 4294967294"},
      {"uplink.3:truncate=x", "\"x\" is not a whole number"},
      {"uplink.3:truncate=4294967295", "is not a whole number from 0 to 4294967294"},
      {"uplink.3:truncate=5^3", "\"5^3\" is not a whole number"},
      {"uplink.3:truncate=5+3ms", "\"5+3ms\" is not a whole number"},
      {"uplink.3:truncate=5=6", "\"5=6\" is not a whole number"},
      {"uplink.3:hold=5", "\"hold\" needs a time"},
  };
  for (const auto& [fault, why] : faults) {
    const std::string text =
        "uplink.1:deliver+1ms\ndownlink.7:drop," + std::string(fault) + ",uplink.8:hold+2ms";
    EXPECT_THAT(refusal(text),
                AllOf(HasSubstr("in \"" + std::string(fault).substr(0, 80)), HasSubstr(why),
                      Not(HasSubstr("uplink.1:")), Not(HasSubstr("uplink.8"))));
  }
}

// A datagram has one fate: listing it twice is refused, and naming it once each way is not.
TEST(FaultList, RefusesTwoFatesOfOneDatagram) {
  EXPECT_EQ(refusal("uplink.3:drop,uplink.4:drop,uplink.3:deliver+5ms"),
            "uplink.3 stands there twice");
  EXPECT_EQ(refusal("uplink.3:drop,downlink.12:drop\ndownlink.012:drop"),
            "downlink.12 stands there twice");
  EXPECT_EQ(refusal("uplink.3:drop,downlink.3:drop"), "accepted");
}

// Whatever stands in a file, it is read or refused in one line that is safe to print.
TEST(FaultList, AnyTextIsReadOrRefusedInOneLine) {
  static constexpr std::string_view kPieces[] = {
      "uplink",  "downlink", ".",       "1",     "2",
      ":",       "drop",     "deliver", "delay", "hold",
      "corrupt", "/",        "+",       "-",     "duplicate",
      "5ms",     "^",        "7",       ",",     "\n",
      "#x",      "\x1b",     "\xff",    " ",     std::string_view("\0", 1)};
  std::uint64_t accepted = 0;
  for (std::uint64_t n = 1; n <= 50'000; ++n) {
    const RandomStream stream = RandomStream(1).stream(n);
    // Half of them start as a fault does, so that more than the start is tried.
    std::string text = n % 2 == 0 ? "" : "uplink.1:";
    for (std::uint64_t i = 0; i <= stream.at(1) % 12; ++i) {
      text += kPieces[uniform_below(stream.at(2 + i), std::size(kPieces))];
    }
    const std::string why = refusal(text);
    accepted += why == "accepted" ? 1 : 0;
    for (const char c : why) ASSERT_GE(static_cast<unsigned char>(c), 0x20) << why;
    ASSERT_LT(why.size(), 500U);
  }
  EXPECT_GT(accepted, 200U);
  EXPECT_LT(refusal("uplink.3:" + std::string(100'000, 'x')).size(), 500U);
  EXPECT_LT(refusal(std::string(100'000, '\x1b')).size(), 1000U);
}

// The bounds of the format are reachable: as many copies and flips as a fate can hold.
TEST(FaultList, ReadsTheLargestFate) {
  std::vector<CopyFate> copies;
  std::string text = "downlink.1:";
  for (std::uint32_t i = 0; i < Fate::kCopiesMax; ++i) {
    text += i == 0 ? "deliver+1ns" : "/deliver+1ns";
    std::vector<std::uint32_t> flips;
    for (std::uint32_t bit = 0; bit < CopyFate::kFlipsMax; ++bit) {
      flips.push_back(100 * i + bit);
      text += '^' + std::to_string(flips.back());
    }
    copies.push_back(copy(1ns, flips));
  }
  EXPECT_EQ(only_fate(text), fate_of(copies));
  EXPECT_EQ(format_fault(Direction::kDownlink, 1, fate_of(copies)), text);
}

// The canonical form is pinned: files of faults are made of it.
TEST(FormatFault, IsCanonical) {
  const auto format = [](const Fate& fate) { return format_fault(Direction::kUplink, 3, fate); };
  EXPECT_EQ(format(fate_of({})), "uplink.3:drop");
  EXPECT_EQ(format(lost_to(LossReason::kChecksum)), "uplink.3:checksum");
  EXPECT_EQ(format(fate_of({cut(copy(5ms, {17}), 10), cut(held(1ms), 0), cut(copy(0s), 3)})),
            "uplink.3:deliver+5ms^17=10/hold+1ms=0/deliver=3");
  EXPECT_EQ(format(fate_of({copy(0s)})), "uplink.3:deliver");
  EXPECT_EQ(format(fate_of({copy(5ms, {17}), held(10ms)})), "uplink.3:deliver+5ms^17/hold+10ms");
  EXPECT_EQ(format(fate_of({copy(-1ns, {4294967295})})), "uplink.3:deliver-1ns^4294967295");
  EXPECT_EQ(format(fate_of({held(0s)})), "uplink.3:hold+0s");
  EXPECT_EQ(format(fate_of({early(-10ms), early(0s)})), "uplink.3:early-10ms/early+0s");
  EXPECT_EQ(format(fate_of({held(-1500us, {0})})), "uplink.3:hold-1.5ms^0");
  EXPECT_EQ(
      format_fault(Direction::kDownlink, 18446744073709551615U, fate_of({copy(0s), copy(1s)})),
      "downlink.18446744073709551615:deliver/deliver+1s");
}

// Any fate written down reads as that fate.
TEST(FormatFault, AnyFateSurvivesItsText) {
  std::string text;
  std::vector<Fate> fates;
  for (std::uint64_t n = 1; n <= 20'000; ++n) {
    const RandomStream stream = RandomStream(2).stream(n);
    Fate fate;
    fate.copies_count = stream.at(1) % (Fate::kCopiesMax + 1);
    if (stream.at(2) % 2 == 0) fate.loss = LossReason::kChecksum;
    for (std::size_t i = 0; i < fate.copies_count; ++i) {
      const RandomStream draws = stream.stream(i);
      CopyFate& one = fate.copy[i];
      one.extra_delay =
          uniform_spread(draws.at(1), Duration(kDurationMax.count() >> (draws.at(2) % 60)));
      one.held_back = draws.at(3) % 2 == 0;
      if (draws.at(20) % 2 == 0) {
        one.kept_bytes = static_cast<std::uint32_t>(uniform_below(draws.at(21), CopyFate::kWhole) >>
                                                    (draws.at(22) % 32));
      }
      one.flips_count = static_cast<std::uint8_t>(draws.at(4) % (CopyFate::kFlipsMax + 1));
      for (std::uint32_t flip = 0; flip < one.flips_count; ++flip) {
        // In ascending pieces of the range, so that none comes twice.
        one.flipped_bits[flip] = static_cast<std::uint32_t>(
            (std::uint64_t{flip} << 29) + uniform_below(draws.at(5 + flip), 1U << 29));
      }
    }
    fates.push_back(fate);
    text += format_fault(Direction::kDownlink, n, fate) + (n % 2 == 0 ? "\n" : ",");
  }
  const FaultList list = FaultList::parse(text);
  ASSERT_EQ(list.size(Direction::kDownlink), fates.size());
  for (std::size_t i = 0; i < fates.size(); ++i) {
    ASSERT_EQ(list.number(Direction::kDownlink, i), i + 1);
    ASSERT_EQ(list.fate(Direction::kDownlink, i), fates[i])
        << format_fault(Direction::kDownlink, i + 1, fates[i]);
  }
}

// Faults for datagrams that were never sent can be told.
TEST(FaultList, CountsWhatLiesBeyond) {
  const FaultList list = FaultList::parse("uplink.2:drop,uplink.5:drop,uplink.9:drop");
  EXPECT_EQ(list.count_beyond(Direction::kUplink, 0), 3U);
  EXPECT_EQ(list.count_beyond(Direction::kUplink, 1), 3U);
  EXPECT_EQ(list.count_beyond(Direction::kUplink, 2), 2U);
  EXPECT_EQ(list.count_beyond(Direction::kUplink, 8), 1U);
  EXPECT_EQ(list.count_beyond(Direction::kUplink, 9), 0U);
  EXPECT_EQ(list.count_beyond(Direction::kDownlink, 0), 0U);
}

// How early the earliest copy of a direction wants to be: a link's delay must make up for it.
TEST(FaultList, TellsTheLeastExtraDelay) {
  const FaultList list =
      FaultList::parse("uplink.1:duplicate-2ms,uplink.2:hold-3ms/deliver+9ms,downlink.1:delay+1ms");
  EXPECT_EQ(list.extra_delay_min(Direction::kUplink), -3ms);
  EXPECT_EQ(list.extra_delay_min(Direction::kDownlink), 0s);
}

// Listed datagrams get their fates, and all others are delivered once, on time and intact.
TEST(ListedFates, HappenToTheirDatagramsOnly) {
  const FaultList list = FaultList::parse(
      "uplink.2:drop,uplink.4:duplicate+5ms,uplink.5:corrupt^3,downlink.3:hold+1ms");
  ListedFates up(list, Direction::kUplink);
  ListedFates down(list, Direction::kDownlink);
  const std::vector<Fate> expected_up = {fate_of({copy(0s)}),      fate_of({}),
                                         fate_of({copy(0s)}),      fate_of({copy(0s), copy(5ms)}),
                                         fate_of({copy(0s, {3})}), fate_of({copy(0s)})};
  for (std::uint64_t number = 1; number <= 6; ++number) {
    EXPECT_EQ(up.decide({}, number, 100), expected_up[number - 1]) << number;
    EXPECT_EQ(down.decide({}, number, 100), number == 3 ? fate_of({held(1ms)}) : Fate{}) << number;
  }
}

// Numbers may leave some out: the listed ones that were passed are over, and the later ones still
// happen.
TEST(ListedFates, SurviveNumbersThatAreLeftOut) {
  const FaultList list = FaultList::parse("uplink.1:drop,uplink.3:drop,uplink.5:drop");
  ListedFates fates(list, Direction::kUplink);
  EXPECT_TRUE(fates.decide({}, 3, 1).lost());
  EXPECT_TRUE(fates.decide({}, 4, 1).is_plain());
  EXPECT_TRUE(fates.decide({}, 5, 1).lost());
  EXPECT_TRUE(fates.decide({}, 1'000'000, 1).is_plain());
}

// Each flow of a proxy has faults of its own; those without a flow are the first's.
TEST(FaultList, NamesFlows) {
  const FaultList list = FaultList::parse(
      "flow2.uplink.3:drop,uplink.3:duplicate,flow1.uplink.1:drop,flow12.downlink.1:delay+1ms");
  EXPECT_EQ(list.last_flow(), 12U);
  EXPECT_EQ(list.size(Direction::kUplink), 3U);
  EXPECT_EQ(list.count_beyond(Direction::kUplink, 0), 2U);
  EXPECT_EQ(list.count_beyond(Direction::kUplink, 2), 1U);
  EXPECT_EQ(list.count_beyond(Direction::kUplink, 2, 2), 1U);
  EXPECT_EQ(list.count_beyond(Direction::kUplink, 0, 3), 0U);
  const auto fates = [&](Direction direction, std::uint64_t flow) {
    ListedFates source(list, direction, flow);
    std::string text;
    for (std::uint64_t number = 1; number <= 4; ++number) {
      const Fate& fate = source.decide(Instant{}, number, 10);
      if (!fate.is_plain()) text += format_fault(direction, number, fate, flow) + ' ';
    }
    return text;
  };
  EXPECT_EQ(fates(Direction::kUplink, 1), "uplink.1:drop uplink.3:deliver/deliver ");
  EXPECT_EQ(fates(Direction::kUplink, 2), "flow2.uplink.3:drop ");
  EXPECT_EQ(fates(Direction::kUplink, 3), "");
  EXPECT_EQ(fates(Direction::kDownlink, 12), "flow12.downlink.1:deliver+1ms ");
  for (const char* broken :
       {"flow.uplink.1:drop", "flow0.uplink.1:drop", "flow2:drop", "flow-1.uplink.1:drop",
        "flow2.flow2.uplink.1:drop", "flow2", "flow2.uplink.1:drop,flow2.uplink.1:drop"}) {
    EXPECT_THROW(FaultList::parse(broken), TextError) << broken;
  }
  // The same number in another flow is another datagram.
  EXPECT_NO_THROW(FaultList::parse("uplink.1:drop,flow2.uplink.1:drop"));
}

}  // namespace
}  // namespace lossy
