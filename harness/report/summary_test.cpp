#include <lossy/harness/report/summary.hpp>

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include <lossy/core/greeting/protocol.hpp>
#include <lossy/harness/report/json_text.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::ordered_json;
using Strings = std::vector<std::string>;

// A run in which everything happened.
RunReport eventful() {
  RunReport report;
  report.command = "simulate";
  report.seed = 4;
  GreeterResult result{.greeted = 97, .gave_up = 3, .attempts = 130, .rtt = {}};
  for (int i = 1; i <= 100; ++i) result.rtt.add(i * 1ms);
  report.call = greetings().call;
  report.figures =
      greeting_figures(100, result, {.wrong_source = 1, .unexpected = 2, .refused = {0, 0, 4, 5}},
                       {.refused = {6, 0, 7, 0}});
  report.uplink = {.offered = 130,
                   .delivered = 120,
                   .lost_by = {7, 0, 0, 0, 2, 1},
                   .duplicated = 12,
                   .copies_dropped = 3,
                   .held_back = 11,
                   .corrupted = 13,
                   .reordered = 10};
  report.downlink = {.offered = 125, .delivered = 125, .duplicated = 1};
  report.virtual_time = 1234567us;
  report.wall_time = 12345us;
  report.reproduce = "lossy simulate --drop=10% --seed=4";
  report.notes = {"uplink: 2 of the faults were for datagrams that were never sent."};
  return report;
}

// The names of an object, in their order.
Strings names_of(const Json& object) {
  Strings names;
  for (const auto& [name, value] : object.items()) names.push_back(name);
  return names;
}

// One screen with everything that happened, and the command that makes it happen again.
TEST(SummaryText, ShowsEverything) {
  EXPECT_EQ('\n' + summary_text(eventful()), R"(
  datagrams           uplink            downlink
  offered                130                 125
  delivered              120   92.3%         125    100%
  lost                    10   7.69%           0
    by queue               2   1.54%           0
    by in_flight           1  0.769%           0
  duplicated              12     10%           1    0.8%
  copies lost              3   2.27%           0
  held back               11   8.33%           0
  reordered               10   8.33%           0
  corrupted               13   9.85%           0

  greeted        97 of 100
  gave up        3
  attempts       130
  server silent  empty 6, not_utf8 7
  client ignored not_utf8 4, not_a_greeting 5, unexpected 2, wrong_source 1
  RTT            median 49.99 ms, p99 98.99 ms
  time           1.235 s virtual, 12.35 ms real
  seed           4

  Note: uplink: 2 of the faults were for datagrams that were never sent.

The same run again: lossy simulate --drop=10% --seed=4
)");
}

// What did not happen and cannot be asked for takes no line; what a newcomer looks for is there
// even when it is nothing.
TEST(SummaryText, LeavesOutWhatDidNotHappen) {
  RunReport report;
  report.figures = greeting_figures(0, {}, {}, {});
  report.reproduce = "lossy simulate";
  EXPECT_EQ('\n' + summary_text(report), R"(
  datagrams           uplink            downlink
  offered                  0                   0
  delivered                0                   0
  lost                     0                   0
  duplicated               0                   0
  reordered                0                   0
  corrupted                0                   0

  greeted        0 of 0
  gave up        0
  attempts       0
  time           0 ms real

The same run again: lossy simulate
)");
}

// The names are stable: scripts depend on them.
TEST(SummaryJson, NamesAreStable) {
  const Json json = summary_json(eventful());
  EXPECT_EQ(names_of(json),
            (Strings{"command", "seed", "requests", "greeted", "gave_up", "attempts", "uplink",
                     "downlink", "rtt_ms", "virtual_seconds", "notes", "reproduce", "timing"}));
  for (const char* direction : {"uplink", "downlink"}) {
    EXPECT_EQ(names_of(json[direction]),
              (Strings{"offered", "delivered", "lost", "lost_by", "duplicated", "copies_dropped",
                       "held_back", "early", "reordered", "corrupted", "truncated", "flips_missed",
                       "cuts_missed"}));
    EXPECT_EQ(names_of(json[direction]["lost_by"]),
              (Strings{"drop", "checksum", "outage", "mtu", "queue", "in_flight"}));
  }
  EXPECT_EQ(names_of(json["rtt_ms"]), (Strings{"min", "median", "p99", "max"}));
}

// Every value stands under its own name.
TEST(SummaryJson, ValuesAreTheReports) {
  const Json json = summary_json(eventful());
  EXPECT_EQ(json["command"], "simulate");
  EXPECT_EQ(json["seed"], 4);
  EXPECT_EQ(json["requests"], 100);
  EXPECT_EQ(json["greeted"], 97);
  EXPECT_EQ(json["gave_up"], 3);
  EXPECT_EQ(json["attempts"], 130);
  EXPECT_EQ(json["uplink"], Json::parse(R"({"offered":130,"delivered":120,"lost":10,
                            "lost_by":{"drop":7,"checksum":0,"outage":0,"mtu":0,"queue":2,"in_flight":1},
                            "duplicated":12,"copies_dropped":3,"held_back":11,"early":0,"reordered":10,
                            "corrupted":13,"truncated":0,"flips_missed":0,"cuts_missed":0})"));
  EXPECT_EQ(json["downlink"], Json::parse(R"({"offered":125,"delivered":125,"lost":0,
                            "lost_by":{"drop":0,"checksum":0,"outage":0,"mtu":0,"queue":0,"in_flight":0},
                            "duplicated":1,"copies_dropped":0,"held_back":0,"early":0,"reordered":0,
                            "corrupted":0,"truncated":0,"flips_missed":0,"cuts_missed":0})"));
  EXPECT_EQ(json["rtt_ms"]["min"], 1.0);
  EXPECT_NEAR(json["rtt_ms"]["median"].get<double>(), 50, 0.05);
  EXPECT_NEAR(json["rtt_ms"]["p99"].get<double>(), 99, 0.1);
  EXPECT_EQ(json["rtt_ms"]["max"], 100.0);
  EXPECT_EQ(json["virtual_seconds"], 1.234567);
  EXPECT_EQ(json["timing"], Json::parse(R"({"wall_seconds":0.012345})"));
  EXPECT_EQ(json["notes"], eventful().notes);
  EXPECT_EQ(json["reproduce"], eventful().reproduce);
}

// Of a run in real time its clock measured the round trips, too.
TEST(SummaryJson, WhatARealClockMeasuredStandsApart) {
  RunReport report = eventful();
  report.virtual_time.reset();
  const Json json = summary_json(report);
  EXPECT_EQ(names_of(json["timing"]), (Strings{"rtt_ms", "wall_seconds"}));
  EXPECT_EQ(json["timing"]["rtt_ms"]["max"], 100.0);
  EXPECT_FALSE(json.contains("rtt_ms"));
}

// One line with one object, whatever happened: nothing at all, the largest numbers there are, or a
// command with anything in it.
TEST(SummaryJson, IsAlwaysOneLineThatParses) {
  RunReport largest = eventful();
  largest.seed = std::numeric_limits<std::uint64_t>::max();
  largest.uplink.offered = std::numeric_limits<std::uint64_t>::max();
  largest.virtual_time = Duration::max();
  RunReport hostile = eventful();
  hostile.command = "two\nlines \x1b[31m \"quoted\" \\ \xe2\x82\xac";
  for (const RunReport& report : {RunReport{}, eventful(), largest, hostile}) {
    const std::string text = json_text(summary_json(report));
    const Json json = Json::parse(text);
    EXPECT_EQ(json["command"], report.command);
    const auto written = [](std::uint64_t number) { return Json::parse(json_text(number)); };
    EXPECT_EQ(json["uplink"]["offered"], written(report.uplink.offered));
    for (const char c : text) {
      EXPECT_GE(static_cast<unsigned char>(c), 0x20);
    }
    if (report.seed) {
      EXPECT_EQ(json["seed"], written(*report.seed));
    }
  }
}

// What another protocol counts has its own names, and what it does not measure has no row.
TEST(Summary, OfAnyProtocol) {
  RunReport report = eventful();
  report.protocol = "tftp";
  report.call = "transfer";
  report.stopped_by = "SIGINT";
  report.figures = {.asked = 2,
                    .ended = 1,
                    .counts = {{"transfers", "", 2}, {"done", "done", 1, true}, {"bytes", "", 7}},
                    .lists = {{"server", {{"refused", 0}, {"repeated", 3}}}, {"client", {}}}};
  const std::string text = summary_text(report);
  EXPECT_NE(text.find("\n  done           1 of 2\n  server         repeated 3\n  time "),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("Interrupted by SIGINT: 1 of 2 transfers had ended."), std::string::npos);
  EXPECT_EQ(names_of(summary_json(report)),
            (Strings{"command", "protocol", "seed", "transfers", "done", "bytes", "uplink",
                     "downlink", "virtual_seconds", "stopped_by", "notes", "reproduce", "timing"}));
  report.virtual_time.reset();
  EXPECT_FALSE(summary_json(report)["timing"].contains("rtt_ms"));
}

// A run of listed fates has no seed, and says so.
TEST(Summary, WithoutChanceThereIsNoSeed) {
  RunReport report = eventful();
  report.seed.reset();
  EXPECT_TRUE(summary_json(report)["seed"].is_null());
  EXPECT_EQ(summary_text(report).find("\n  seed "), std::string::npos);
}

// Where each direction has a seed of its own, both are said.
TEST(Summary, DirectionsMayHaveSeedsOfTheirOwn) {
  RunReport report = eventful();
  report.seed.reset();
  report.seeds = {5, 7};
  const Json json = summary_json(report);
  EXPECT_TRUE(json["seed"].is_null());
  EXPECT_EQ(json["seeds"], Json::parse(R"({"uplink":5,"downlink":7})"));
  EXPECT_NE(summary_text(report).find("\n  seeds          5 uplink, 7 downlink\n"),
            std::string::npos);
}

// What was cut short is said, and every reason of a loss but plain chance has its row.
TEST(SummaryText, ShowsWhyDatagramsWereLost) {
  RunReport report = eventful();
  report.uplink.truncated = 6;
  report.downlink.lost_by = {1, 2, 3, 4, 5, 6};
  const std::string text = summary_text(report);
  for (const char* row :
       {"  truncated                6   4.55%           0\n", "    by checksum            0",
        "    by outage              0", "    by mtu                 0",
        "    by queue               2", "    by in_flight           1"}) {
    EXPECT_NE(text.find(row), std::string::npos) << row << '\n' << text;
  }
  EXPECT_EQ(text.find("by drop"), std::string::npos);
}

}  // namespace
}  // namespace lossy
