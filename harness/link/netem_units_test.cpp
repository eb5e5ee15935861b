#include <lossy/harness/link/netem_units.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include <lossy/harness/link/text.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

// What `read` says of a text that it must refuse.
template <typename Read>
std::string refusal(Read read, const std::string& text) {
  try {
    read(text);
  } catch (const TextError& error) {
    return error.what();
  }
  return "not refused";
}

// A percentage is one with and without its sign, and exact: tc's 0.1 is 0.1 %.
TEST(NetemUnits, PercentagesAreExact) {
  const std::vector<std::pair<std::string, Probability>> expected = {
      {"10%", Probability::ratio(1, 10)},
      {"10", Probability::ratio(1, 10)},
      {"0.1", Probability::ratio(1, 1000)},
      {".5%", Probability::ratio(1, 200)},
      {"5.%", Probability::ratio(1, 20)},
      {"+5%", Probability::ratio(1, 20)},
      {"-0%", {}},
      {"0", {}},
      {"100%", Probability::ratio(1, 1)},
      {"1e2%", Probability::ratio(1, 1)},
      {"1E+1", Probability::ratio(1, 10)},
      {"1000e-2", Probability::ratio(1, 10)},
      {"0e1000000", {}},
      {"33.333333333333333%", Probability::ratio(33'333'333'333'333'333, 100'000'000'000'000'000)},
      {"10.000000000000000000000000000", Probability::ratio(1, 10)},
      {"00000000000000000000000000000010", Probability::ratio(1, 10)},
      {"0.00000000000000000000000000001%", {}}};
  for (const auto& [text, probability] : expected) {
    EXPECT_EQ(parse_tc_percent(text), probability) << text;
  }
}

TEST(NetemUnits, WhatIsNoPercentageIsRefused) {
  for (const char* text :
       {"", "%", "x", "5x", "5 %", "1%%", "0x10%", "inf", "nan", "1e", "..", "5%5", "--5", "100.1%",
        "101", "1e3", "1e1000000000000000000000%", "-5%"}) {
    EXPECT_THAT(refusal(parse_tc_percent, text), HasSubstr("is not a percentage: ")) << text;
  }
  EXPECT_THAT(refusal(parse_tc_percent, "101"), StartsWith("\"101\" is not a percentage"));
}

// A bare time is microseconds, and behind `slot` nanoseconds; units stand in any case.
TEST(NetemUnits, TimesKnowTcsUnits) {
  const std::vector<std::pair<std::string, Duration>> expected = {{"100", 100us},
                                                                  {"100us", 100us},
                                                                  {"100usec", 100us},
                                                                  {"100USecs", 100us},
                                                                  {"1.5ms", 1500us},
                                                                  {"2msec", 2ms},
                                                                  {"2msecs", 2ms},
                                                                  {"2S", 2s},
                                                                  {"2sec", 2s},
                                                                  {"2secs", 2s},
                                                                  {"0", 0s},
                                                                  {"0.0015", 1ns},
                                                                  {"1.0000000009s", 1s},
                                                                  {"1000000000s", kDurationMax},
                                                                  {"1e3ms", 1s},
                                                                  {"+1s", 1s}};
  for (const auto& [text, time] : expected) EXPECT_EQ(parse_tc_time(text), time) << text;
  EXPECT_EQ(parse_tc_slot_time("100"), 100ns);
  EXPECT_EQ(parse_tc_slot_time("100ns"), 100ns);
  EXPECT_EQ(parse_tc_slot_time("1nsec"), 1ns);
  EXPECT_EQ(parse_tc_slot_time("1.5NSECS"), 1ns);
  EXPECT_EQ(parse_tc_slot_time("1.5us"), 1500ns);
  EXPECT_EQ(parse_tc_slot_time("2s"), 2s);
  for (const char* text : {"", "ms", "5m", "5min", "5h", "5 ms", "0x5", "inf", "-5ms",
                           "1000000001s", "99999999999999999999999s", "1e99", "5ns"}) {
    EXPECT_THAT(refusal(parse_tc_time, text), HasSubstr("is not a time: ")) << text;
  }
}

TEST(NetemUnits, RatesAreBitsASecondOrBytes) {
  const std::vector<std::pair<std::string, std::uint64_t>> expected = {
      {"20000", 20'000},
      {"1bit", 1},
      {"1kbit", 1'000},
      {"1mbit", 1'000'000},
      {"1.5Gbit", 1'500'000'000},
      {"1tbit", 1'000'000'000'000},
      {"1kibit", 1'024},
      {"1MIBIT", 1'048'576},
      {"1gibit", 1'073'741'824},
      {"1tibit", 1'099'511'627'776},
      {"1bps", 8},
      {"10kbps", 80'000},
      {"1mbps", 8'000'000},
      {"1gbps", 8'000'000'000},
      {"1tbps", 8'000'000'000'000},
      {"1kibps", 8'192},
      {"1mibps", 8'388'608},
      {"1gibps", 8'589'934'592},
      {"1tibps", 8'796'093'022'208},
      {"0", 0},
      {"0mbit", 0},
      {"1.9", 1},
      {"1000tbit", kRateMax}};
  for (const auto& [text, rate] : expected) EXPECT_EQ(parse_tc_rate(text), rate) << text;
  for (const char* text : {"", "fast", "1mb", "1kb", "50%", "-1mbit", "0.5", "1e-9kbit", "1001tbit",
                           "1e300", "nan", "0x10"}) {
    EXPECT_THAT(refusal(parse_tc_rate, text), HasSubstr("is not a rate: ")) << text;
  }
}

TEST(NetemUnits, SizesCountInThePowersOf1024) {
  constexpr std::uint64_t kMax = 4'294'967'295;
  const auto parse = [](const std::string& text) { return parse_tc_size(text, kMax); };
  const std::vector<std::pair<std::string, std::uint64_t>> expected = {
      {"1000", 1000},  {"5b", 5},        {"1k", 1024},         {"1Kb", 1024},
      {"1kbit", 128},  {"1m", 1 << 20},  {"1mb", 1 << 20},     {"1mbit", 1 << 17},
      {"1G", 1 << 30}, {"1gb", 1 << 30}, {"1gbit", 1 << 27},   {"0.5", 0},
      {"1.5k", 1536},  {"-0", 0},        {"4294967295", kMax}, {"1e3", 1000}};
  for (const auto& [text, size] : expected) EXPECT_EQ(parse(text), size) << text;
  for (const char* text : {"", "x", "1kbps", "4294967296", "4g", "-1", "1e10", "inf"}) {
    EXPECT_THAT(refusal(parse, text), HasSubstr("is not a size: ")) << text;
  }
  EXPECT_EQ(parse_tc_size("18446744073709551615", ~std::uint64_t{0}), ~std::uint64_t{0});
}

// Whole numbers are C's: hexadecimal and octal, too.
TEST(NetemUnits, WholeNumbersAreReadAsC) {
  const auto parse = [](const std::string& text) { return parse_tc_whole(text, -100, 100); };
  EXPECT_EQ(parse("48"), 48);
  EXPECT_EQ(parse("0x30"), 48);
  EXPECT_EQ(parse("0X1f"), 31);
  EXPECT_EQ(parse("060"), 48);
  EXPECT_EQ(parse("-4"), -4);
  EXPECT_EQ(parse("+4"), 4);
  EXPECT_EQ(parse("0"), 0);
  for (const char* text : {"", "-", "08", "0x", "0xg", "1.5", "5k", "101", "-101", "--5", "+-5",
                           "0x-5", "4294967296", "99999999999999999999"}) {
    EXPECT_THAT(refusal(parse, text), HasSubstr("is not a whole number from -100 to 100")) << text;
  }
  constexpr std::int64_t kUint32Max = 4'294'967'295;
  EXPECT_EQ(parse_tc_whole("4294967295", 0, kUint32Max), kUint32Max);
  EXPECT_EQ(parse_tc_whole("-2147483648", -2'147'483'648, 0), -2'147'483'648);
}

// What is formatted reads as the same, with a whole number where tc's units have one.
TEST(NetemUnits, FormattedValuesReadAsTheSame) {
  EXPECT_EQ(format_tc_time(0s), "0s");
  EXPECT_EQ(format_tc_time(2s), "2s");
  EXPECT_EQ(format_tc_time(1500ms), "1500ms");
  EXPECT_EQ(format_tc_time(20'001us), "20001us");
  EXPECT_EQ(format_tc_time(1ns), "0.001us");
  EXPECT_EQ(format_tc_time(1'000'100ns), "1000.1us");
  EXPECT_EQ(format_tc_time(kDurationMax), "1000000000s");
  EXPECT_EQ(format_tc_slot_time(1'000'100ns), "1000100ns");
  EXPECT_EQ(format_tc_slot_time(0s), "0s");
  EXPECT_EQ(format_tc_rate(0), "0bit");
  EXPECT_EQ(format_tc_rate(1'500'000), "1500kbit");
  EXPECT_EQ(format_tc_rate(12'345), "12345bit");
  EXPECT_EQ(format_tc_rate(kRateMax), "1000tbit");
  for (std::uint64_t n = 1; n <= 10'000; ++n) {
    const std::uint64_t draw = RandomStream(1).at(n);
    const Duration time(static_cast<Duration::rep>((draw >> (n % 60)) % 1'000'000'000'000'000'001));
    EXPECT_EQ(parse_tc_time(format_tc_time(time)), time);
    EXPECT_EQ(parse_tc_slot_time(format_tc_slot_time(time)), time);
    const std::uint64_t rate = (draw >> (n % 60)) % (kRateMax + 1);
    EXPECT_EQ(parse_tc_rate(format_tc_rate(rate)), rate);
    const Probability probability = Probability::ratio(draw >> (n % 64), ~std::uint64_t{0});
    EXPECT_EQ(parse_tc_percent(format_probability(probability)), probability);
  }
}

}  // namespace
}  // namespace lossy
