#include <lossy/harness/link/text.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <tuple>
#include <utility>
#include <vector>

namespace lossy {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

// What the refusal says, or "accepted".
template <typename Parse>
std::string refusal(Parse&& parse) {
  try {
    parse();
  } catch (const TextError& error) {
    return error.what();
  }
  return "accepted";
}

std::string duration_refusal(std::string_view text) {
  return refusal([text] { (void)parse_duration(text); });
}

std::string probability_refusal(std::string_view text) {
  return refusal([text] { (void)parse_probability(text); });
}

std::string rate_refusal(std::string_view text) {
  return refusal([text] { (void)parse_rate(text); });
}

std::string pace_refusal(std::string_view text) {
  return refusal([text] { (void)parse_pace(text); });
}

// Numbers of all sizes alike: as likely to have few bits as to have many.
std::uint64_t any_size(RandomStream stream, std::uint64_t n) {
  return stream.stream(1).at(n) >> (stream.stream(2).at(n) % 64);
}

// Texts that mean nothing, whatever they are asked to mean.
std::vector<std::string> garbage() {
  std::vector<std::string> texts = {
      "",        " ",     ".",       "..",      "-",           "+",     "%",
      "ms",      "bit",   "ten",     "1.2.3ms", "1..2",        "1ms1",  " 1ms",
      "1ms ",    "1e3ms", "0x10ms",  "1ms1ms",  "1,5s",        "1\n5s", "1m",
      "1M",      "1mb",   "1mbps",   "10%%",    "10 %",        "%10",   "1bits",
      "1mbit/m", "1  ms", "nan",     "infs",    "\x1b[31m1ms", "\xff",  "1\xc2\xb5m",
      "+5ms",    "--5ms", "1'000ms", "1e3mbit", "1\tms",       "1 / s", "/s",
      "5/",      "5//s",  "-5/s",    "1e3/s"};
  texts.emplace_back("1ms\0", 4);
  texts.emplace_back("\0", 1);
  texts.emplace_back(100'000, 'x');
  texts.emplace_back(100'000, '9');
  texts.push_back(std::string(100'000, '9') + "ms");
  texts.push_back('.' + std::string(100'000, '1') + '%');
  texts.push_back("1." + std::string(100'000, '0') + "1mbit");
  return texts;
}

// A number and a unit mean that many nanoseconds, exactly.
TEST(Duration, IsReadExactly) {
  const std::vector<std::pair<const char*, Duration>> readings = {
      {"20ms", 20ms},
      {"1.5s", 1500ms},
      {"250us", 250us},
      {"7ns", 7ns},
      {"2min", 120s},
      {"0.5min", 30s},
      {"3h", 10800s},
      {"0.1us", 100ns},
      {".5s", 500ms},
      {"5.s", 5s},
      {"1.000000001s", 1'000'000'001ns},
      {"0.000001ms", 1ns},
      {"00020ms", 20ms},
      {"1.500000000000000s", 1500ms},
      {"999999999.999999999s", kDurationMax - 1ns},
      {"1000000000s", kDurationMax},
      {"1000000000000000000ns", kDurationMax},
      {"1.50000000000000000000000000000s", 1500ms},
      {"20 ms", 20ms},
      {"0 ms", 0ms},
  };
  for (const auto& [text, duration] : readings) EXPECT_EQ(parse_duration(text), duration) << text;
}

// As people and tc write them, in any case.
TEST(Duration, UnitsHaveSeveralNames) {
  const std::vector<std::pair<std::vector<const char*>, Duration>> units = {
      {{"ns", "nsec", "nsecs", "NS"}, 3ns},
      {{"us", "usec", "usecs", "USecs", "\u00B5s", "\u03BCs"}, 3us},
      {{"ms", "msec", "msecs", "MS"}, 3ms},
      {{"s", "sec", "secs", "S"}, 3s},
      {{"min", "Min"}, 3min},
      {{"h", "H"}, 3h}};
  for (const auto& [names, duration] : units) {
    for (const std::string name : names) EXPECT_EQ(parse_duration("3" + name), duration) << name;
  }
}

// Nothing needs no unit, and has one all the same when it is given.
TEST(Duration, NothingNeedsNoUnit) {
  for (const char* text : {"0", "0s", "0ms", "0.0", "000", "0.000h"}) {
    EXPECT_EQ(parse_duration(text), 0s) << text;
  }
}

// A refusal says what would do instead.
TEST(Duration, RefusalsHelp) {
  EXPECT_EQ(duration_refusal("20"), "\"20\" is not a time: it needs a unit, as in 20ms or 1.5s");
  EXPECT_EQ(duration_refusal("-1ms"), "\"-1ms\" is not a time: it must not be negative");
  EXPECT_EQ(duration_refusal("20m"),
            "\"20m\" is not a time: the units are ns, us, ms, s, min and h");
  EXPECT_EQ(duration_refusal(""),
            "\"\" is not a time: write a number and a unit, as in 20ms or 1.5s");
  EXPECT_EQ(duration_refusal("1.5ns"),
            "\"1.5ns\" is not a time: it must be whole nanoseconds and at most 1000000000s");
}

// A part of a nanosecond is refused, not rounded, and so is what is longer than an option may be.
TEST(Duration, NothingIsRoundedOrCutOff) {
  for (const char* text :
       {"0.5ns", "1.0000000001s", "0.0001us", "1000000000.000000001s", "1000000001s", "16666667min",
        "277778h", "9223372037s", "18446744074s", "999999999999999999h", "99999999999999999999s",
        "1.000000000000000000000001s", "0.00000000000000000001s"}) {
    EXPECT_THAT(duration_refusal(text), HasSubstr("whole nanoseconds and at most 1000000000s"));
  }
}

// The largest unit that shows a time exactly, down to single nanoseconds.
TEST(Duration, IsWrittenInTheLargestUnit) {
  EXPECT_EQ(format_duration(0s), "0s");
  EXPECT_EQ(format_duration(1500ms), "1.5s");
  EXPECT_EQ(format_duration(1s), "1s");
  EXPECT_EQ(format_duration(999'999'999ns), "999.999999ms");
  EXPECT_EQ(format_duration(1'234'567ns), "1.234567ms");
  EXPECT_EQ(format_duration(20ms), "20ms");
  EXPECT_EQ(format_duration(999us), "999us");
  EXPECT_EQ(format_duration(1'001ns), "1.001us");
  EXPECT_EQ(format_duration(7ns), "7ns");
  EXPECT_EQ(format_duration(2h), "7200s");
  EXPECT_EQ(format_duration(-5ms), "-5ms");
  EXPECT_EQ(format_duration(kDurationMax), "1000000000s");
  EXPECT_EQ(format_duration(Duration::max()), "9223372036.854775807s");
  EXPECT_EQ(format_duration(Duration::min()), "-9223372036.854775808s");
}

// What is written reads as the same nanosecond.
TEST(Duration, SurvivesItsText) {
  const auto count_max = static_cast<std::uint64_t>(kDurationMax.count());
  for (std::uint64_t n = 1; n <= 20'000; ++n) {
    const Duration duration(
        static_cast<Duration::rep>(any_size(RandomStream(1), n) % (count_max + 1)));
    const std::string text = format_duration(duration);
    ASSERT_EQ(parse_duration(text), duration) << text;
    ASSERT_EQ(format_duration(-duration), duration == 0s ? "0s" : '-' + text);
  }
}

// A percentage, or the fraction that it is, becomes the nearest threshold there is.
TEST(Probability, IsReadExactly) {
  const auto ratio = [](std::uint64_t numerator, std::uint64_t denominator) {
    return Probability::ratio(numerator, denominator);
  };
  const std::vector<std::pair<const char*, Probability>> readings = {
      {"10%", ratio(1, 10)},
      {"0.1", ratio(1, 10)},
      {".1", ratio(1, 10)},
      {"10.0%", ratio(1, 10)},
      {"0.5%", ratio(5, 1000)},
      {"0.005", ratio(5, 1000)},
      {"33.3333%", ratio(333'333, 1'000'000)},
      {"0.000001%", ratio(1, 100'000'000)},
      {"99.9999999%", ratio(999'999'999, 1'000'000'000)},
      {"12.3456789012345678%", ratio(123'456'789'012'345'678, 1'000'000'000'000'000'000)},
      {"0.123456789012345678", ratio(123'456'789'012'345'678, 1'000'000'000'000'000'000)},
      {"0.0000000000000000001", ratio(1, 10'000'000'000'000'000'000U)},
      {"0.00000000000000001%", ratio(1, 10'000'000'000'000'000'000U)},
  };
  for (const auto& [text, probability] : readings) {
    EXPECT_EQ(parse_probability(text), probability) << text;
  }
  EXPECT_EQ(parse_probability("10%").threshold(), 922'337'203'685'477'581U);
  EXPECT_EQ(parse_probability("12.5%").threshold(), Probability::kOne / 8);
}

// Never and always are exact, however they are written.
TEST(Probability, NeverAndAlwaysAreExact) {
  for (const char* text : {"0", "0%", "0.0", "0.000%", "00"}) {
    EXPECT_EQ(parse_probability(text).threshold(), 0U) << text;
  }
  for (const char* text : {"100%", "1.0", "1.", "100.000%", "1.000000"}) {
    EXPECT_EQ(parse_probability(text).threshold(), Probability::kOne) << text;
  }
}

// The smallest step that can be written is not nothing, and the last before always is not always.
TEST(Probability, AlmostNeverIsNotNever) {
  EXPECT_FALSE(parse_probability("0.00000000000000001%").is_zero());
  EXPECT_LT(parse_probability("99.99999999999999999%").threshold(), Probability::kOne);
}

// A bare number is refused with the percentage that may have been meant.
TEST(Probability, ABareNumberIsRefusedWithAHint) {
  EXPECT_EQ(probability_refusal("10"),
            "\"10\" is not a probability: did you mean 10%? A fraction has a decimal point, as in "
            "0.1");
  EXPECT_THAT(probability_refusal("1"), HasSubstr("did you mean 1%?"));
  EXPECT_THAT(probability_refusal("100"), HasSubstr("did you mean 100%?"));
}

// Refusals say what would do instead.
TEST(Probability, RefusalsHelp) {
  EXPECT_EQ(probability_refusal("110%"), "\"110%\" is not a probability: it must be 0% to 100%");
  EXPECT_EQ(probability_refusal("-1%"), "\"-1%\" is not a probability: it must not be negative");
  EXPECT_EQ(probability_refusal("1.5"),
            "\"1.5\" is not a probability: a fraction must be 0 to 1; 10% is 0.1");
  EXPECT_EQ(probability_refusal("lots"),
            "\"lots\" is not a probability: write a percentage, as in 10%, or a fraction, as in "
            "0.1");
  EXPECT_THAT(probability_refusal("100.00000000001%"), HasSubstr("0% to 100%"));
  EXPECT_THAT(probability_refusal("1.0000000000000001"), HasSubstr("0 to 1"));
  EXPECT_THAT(probability_refusal("999999999999999999%"), HasSubstr("0% to 100%"));
  EXPECT_THAT(probability_refusal("0.000000000000000001%"), HasSubstr("at most 17 decimals"));
  EXPECT_THAT(probability_refusal("0.00000000000000000001"), HasSubstr("a fraction 19"));
  EXPECT_THAT(probability_refusal("33.3333333333333333333333%"), HasSubstr("at most 17 decimals"));
}

// The shortest percentage that means the same.
TEST(Probability, IsWrittenShort) {
  for (const char* text : {"0%", "10%", "0.5%", "100%", "33.3333%", "99.9999999%", "0.000001%",
                           "12.3456789012345678%"}) {
    EXPECT_EQ(format_probability(parse_probability(text)), text);
  }
  EXPECT_EQ(format_probability(parse_probability("0.25")), "25%");
  EXPECT_EQ(format_probability(Probability::ratio(1, 8)), "12.5%");
}

// What is written reads as the same threshold, whatever the threshold.
TEST(Probability, SurvivesItsText) {
  for (std::uint64_t n = 1; n <= 20'000; ++n) {
    const std::uint64_t distance = any_size(RandomStream(2), n) >> 1;
    for (const std::uint64_t threshold : {distance, Probability::kOne - distance}) {
      const Probability probability = Probability::ratio(threshold, Probability::kOne);
      ASSERT_EQ(probability.threshold(), threshold);
      const std::string text = format_probability(probability);
      ASSERT_EQ(parse_probability(text), probability) << text;
    }
  }
}

// A number and a unit mean that many bits a second, exactly.
TEST(Rate, IsReadExactly) {
  const std::vector<std::pair<const char*, std::uint64_t>> readings = {
      {"1mbit", 1'000'000},
      {"1.5gbit", 1'500'000'000},
      {"56kbit", 56'000},
      {"800bit", 800},
      {"1bit", 1},
      {"0.001kbit", 1},
      {"1tbit", 1'000'000'000'000},
      {"1000tbit", 1'000'000'000'000'000},
      {"1.000000000001tbit", 1'000'000'000'001},
      {"1Mbit", 1'000'000},
      {"12.5 Mbit/s", 12'500'000},
      {"3GBIT/S", 3'000'000'000},
      {"800 bit/s", 800},
  };
  for (const auto& [text, rate] : readings) EXPECT_EQ(parse_rate(text), rate) << text;
}

// Refusals say what would do instead; a rate of nothing would mean nothing ever arrives.
TEST(Rate, RefusalsHelp) {
  EXPECT_EQ(rate_refusal("0"),
            "\"0\" is not a rate: nothing would ever arrive; leave it out for no limit");
  EXPECT_THAT(rate_refusal("0mbit"), HasSubstr("nothing would ever arrive"));
  EXPECT_THAT(rate_refusal("0.0gbit"), HasSubstr("nothing would ever arrive"));
  EXPECT_EQ(rate_refusal("-1mbit"), "\"-1mbit\" is not a rate: it must not be negative");
  EXPECT_EQ(rate_refusal("10"), "\"10\" is not a rate: it needs a unit, as in 1mbit");
  EXPECT_THAT(rate_refusal("10mbps"), HasSubstr("mbps would be megabytes, as tc has it"));
  EXPECT_THAT(rate_refusal("10mb"), HasSubstr("the units are bit, kbit, mbit, gbit and tbit"));
  EXPECT_THAT(rate_refusal("fast"), HasSubstr("as in 1mbit"));
  EXPECT_THAT(rate_refusal("1.5bit"), HasSubstr("whole bits a second"));
  EXPECT_THAT(rate_refusal("0.0001kbit"), HasSubstr("whole bits a second"));
  EXPECT_THAT(rate_refusal("1000.1tbit"), HasSubstr("at most 1000tbit"));
  EXPECT_THAT(rate_refusal("999999999999999999tbit"), HasSubstr("at most 1000tbit"));
}

TEST(Rate, IsWrittenInTheLargestUnit) {
  EXPECT_EQ(format_rate(1'000'000), "1mbit");
  EXPECT_EQ(format_rate(1'500'000), "1.5mbit");
  EXPECT_EQ(format_rate(999), "999bit");
  EXPECT_EQ(format_rate(1'001), "1.001kbit");
  EXPECT_EQ(format_rate(1'000'000'000'000'000), "1000tbit");
  EXPECT_EQ(format_rate(0), "0bit");
}

TEST(Rate, SurvivesItsText) {
  for (std::uint64_t n = 1; n <= 20'000; ++n) {
    const std::uint64_t rate = any_size(RandomStream(3), n) % 1'000'000'000'000'000 + 1;
    const std::string text = format_rate(rate);
    ASSERT_EQ(parse_rate(text), rate) << text;
  }
}

// So many in a time, or the time between two.
TEST(Pace, IsReadExactly) {
  const std::vector<std::tuple<const char*, std::uint64_t, Duration>> readings = {
      {"1000/s", 1'000, 1s},
      {"0.25/s", 1, 4s},
      {"30/min", 30, 1min},
      {"0.001/h", 1, 1000h},
      {"1.5/sec", 3, 2s},
      {"2/ms", 2, 1ms},
      {"4s", 1, 4s},
      {"250 ms", 1, 250ms},
      {"1000000000/S", 1, 1ns},
      {"3600000000000/h", 1, 1ns}};
  for (const auto& [text, count, time] : readings) {
    const Pace pace = parse_pace(text);
    EXPECT_EQ(Uint128{pace.count} * static_cast<std::uint64_t>(time.count()),
              Uint128{count} * static_cast<std::uint64_t>(pace.time.count()))
        << text;
  }
}

TEST(Pace, RefusalsHelp) {
  for (const char* text : {"1000", "5/x", "5/", "5 /s", "0.0001/s", "-1/s", "3600000000001/h"}) {
    EXPECT_THAT(pace_refusal(text), HasSubstr("as in 1000/s, 0.25/s or 30/min")) << text;
  }
  EXPECT_EQ(pace_refusal("0/s"), "\"0/s\" is not a pace: it must be above 0");
  EXPECT_EQ(pace_refusal("0"), "\"0\" is not a pace: it must be above 0");
  EXPECT_EQ(pace_refusal("1000000000.001/s"),
            "\"1000000000.001/s\" is not a pace: it must be at most 1000000000/s");
}

TEST(Thousandths, AreReadExactly) {
  for (const auto& [text, thousandths] :
       std::vector<std::pair<const char*, std::uint64_t>>{{"4", 4000},
                                                          {"2.5", 2500},
                                                          {"0.001", 1},
                                                          {"5.", 5000},
                                                          {"007", 7000},
                                                          {"0", 0},
                                                          {"1.0000", 1000},
                                                          {"1000", 1'000'000}}) {
    EXPECT_EQ(parse_thousandths(text, 1000), thousandths) << text;
  }
  for (const char* text : {"", ".", "1000.001", "0.0001", "-1", "+1", "1e3", "1 ", "x", "1.0.0"}) {
    EXPECT_EQ(parse_thousandths(text, 1000), std::nullopt) << text;
  }
}

// Whole numbers within their bounds, both included, and nothing else.
TEST(WholeNumber, KeepsItsBounds) {
  EXPECT_EQ(parse_whole("0", 0, kMax), 0U);
  EXPECT_EQ(parse_whole("1", 1, 10), 1U);
  EXPECT_EQ(parse_whole("10", 1, 10), 10U);
  EXPECT_EQ(parse_whole("007", 1, 10), 7U);
  EXPECT_EQ(parse_whole("18446744073709551615", 0, kMax), kMax);
  for (const std::string text : {"", "0", "11", "-1", "+1", "1.0", "1 ", " 1", "0x1", "one", "1e1",
                                 "18446744073709551616", "99999999999999999999999999"}) {
    EXPECT_EQ(refusal([&] { (void)parse_whole(text, 1, 10); }),
              '"' + text + "\" is not a whole number from 1 to 10");
  }
}

// Whatever is read, it is accepted or refused in one short line that shows it and is safe to print.
TEST(Text, EveryRefusalIsOneSafeLine) {
  using Parse = std::function<void(std::string_view)>;
  const std::vector<std::pair<const char*, Parse>> parsers = {
      {"time", [](std::string_view text) { (void)parse_duration(text); }},
      {"probability", [](std::string_view text) { (void)parse_probability(text); }},
      {"rate", [](std::string_view text) { (void)parse_rate(text); }},
      {"pace", [](std::string_view text) { (void)parse_pace(text); }},
      {"whole number", [](std::string_view text) { (void)parse_whole(text, 0, 9); }},
  };
  for (const std::string& text : garbage()) {
    for (const auto& [what, parse] : parsers) {
      const std::string why = refusal([&, &read = parse] { read(text); });
      SCOPED_TRACE(std::string(what) + ": " + why);
      EXPECT_NE(why, "accepted");
      EXPECT_LT(why.size(), 500U);
      EXPECT_TRUE(why.starts_with('"'));
      EXPECT_FALSE(why.ends_with('.'));
      for (const char c : why) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
    }
  }
}

// A long text is cut, and says so.
TEST(Text, QuotesStayShort) {
  EXPECT_EQ(quote(""), "\"\"");
  EXPECT_EQ(quote("a\nb\x1b"), "\"a\\nb\\x1b\"");
  EXPECT_EQ(quote(std::string(80, 'x')), '"' + std::string(80, 'x') + '"');
  EXPECT_EQ(quote(std::string(81, 'x')), '"' + std::string(80, 'x') + "...\"");
}

// Texts made of the very characters that numbers and units are made of never crash, and what is
// accepted survives being written again.
TEST(Text, AnyTextIsReadOrRefused) {
  static constexpr std::string_view kCharacters = "0123456789.-%munsbitkgh";
  std::uint64_t accepted = 0;
  for (std::uint64_t n = 1; n <= 50'000; ++n) {
    const RandomStream stream = RandomStream(4).stream(n);
    std::string text;
    for (std::uint64_t i = 0; i <= stream.at(1) % 8; ++i) {
      text += kCharacters[uniform_below(stream.at(2 + i), kCharacters.size())];
    }
    SCOPED_TRACE(text);
    if (duration_refusal(text) == "accepted") {
      ASSERT_EQ(parse_duration(format_duration(parse_duration(text))), parse_duration(text));
      ++accepted;
    }
    if (probability_refusal(text) == "accepted") {
      const Probability probability = parse_probability(text);
      ASSERT_EQ(parse_probability(format_probability(probability)), probability);
      ++accepted;
    }
  }
  EXPECT_GT(accepted, 500U);
}

}  // namespace
}  // namespace lossy
