#include <lossy/harness/report/link_notes.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lossy/harness/link/netem.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

std::uint64_t& lost_by(LinkCounters& link, LossReason reason) {
  return link.lost_by[static_cast<std::size_t>(reason)];
}

// A run of ten seconds with both directions alike, of which the downlink did nothing remarkable.
struct PathRun {
  Timeline<LinkSettings> settings{LinkSettings{}};
  LinkCounters up{};
  LinkCounters down{};

  std::vector<std::string> notes(const FaultList* faults = nullptr) const {
    return link_notes({settings, up}, {settings, down},
                      {.faults = faults, .end = Instant(10s), .to_have_more = "more at a time"});
  }
};

// Nothing is said of a run in which all had its effect.
TEST(LinkNotes, SayNothingWithoutNeed) {
  EXPECT_THAT(PathRun{}.notes(), IsEmpty());
  PathRun run{.settings = parse_netem("mtu 100 outage 1s..2s limit 5", {})};
  for (LinkCounters* link : {&run.up, &run.down}) {
    lost_by(*link, LossReason::kMtu) = lost_by(*link, LossReason::kOutage) = 1;
    link->held_back = link->early = link->reordered = 1;
  }
  EXPECT_THAT(run.notes(), IsEmpty());
}

// What was moved in time, and changed no order, is said with what would.
TEST(LinkNotes, WhatChangedNoOrder) {
  PathRun run;
  run.up.held_back = 3;
  run.down.early = 4;
  EXPECT_THAT(run.notes(), ElementsAre(StartsWith("uplink: 3 were held back, but nothing came to "
                                                  "pass them; more at a time or holding"),
                                       StartsWith("downlink: 4 were sent early, but there was "
                                                  "nothing to pass; more at a time or a longer")));
}

// One is one.
TEST(LinkNotes, OneIsNotMany) {
  PathRun run;
  run.up = {.held_back = 1, .flips_missed = 2, .cuts_missed = 1};
  run.down.early = 1;
  lost_by(run.down, LossReason::kInFlight) = 1;
  EXPECT_THAT(run.notes(),
              ElementsAre(StartsWith("uplink: 1 was held back, but nothing came to pass it; more"),
                          StartsWith("uplink: 2 flipped bits lay"), StartsWith("uplink: 1 cut lay"),
                          StartsWith("downlink: 1 was sent early, but there was nothing to pass"),
                          StartsWith("downlink: 1 was lost because lossy keeps")));
}

// Faults that hit nothing are said.
TEST(LinkNotes, FaultsThatHitNothing) {
  PathRun run;
  run.up = {.offered = 3, .flips_missed = 1, .cuts_missed = 2};
  const FaultList faults = FaultList::parse("uplink.3:drop,uplink.4:drop,downlink.9:drop");
  EXPECT_THAT(run.notes(&faults),
              ElementsAre(HasSubstr("1 flipped bit lay"), HasSubstr("2 cuts lay"),
                          StartsWith("uplink: 1 of the faults was for a datagram that"),
                          StartsWith("downlink: 1 of")));
}

// Bounds and times that came to nothing are said, and losses that nobody asked for.
TEST(LinkNotes, BoundsAndTimes) {
  PathRun run{.settings = parse_netem("mtu 100 outage 1s..2s", {})};
  run.settings.add(Instant(11s), parse_netem("", {}));
  lost_by(run.up, LossReason::kMtu) = 1;
  lost_by(run.up, LossReason::kOutage) = 1;
  lost_by(run.down, LossReason::kInFlight) = 7;
  const char* const kToo = "the run ended after 10s, before the timeline came to 11s.";
  EXPECT_THAT(run.notes(),
              ElementsAre(HasSubstr(kToo), HasSubstr("7 were lost because lossy keeps"),
                          HasSubstr("no datagram was larger"), HasSubstr(kToo)));
  lost_by(run.up, LossReason::kOutage) = 0;
  EXPECT_THAT(run.notes()[0], HasSubstr("nothing was sent during an outage"));
}

// Where there are many flows, somebody else counts the faults that hit nothing.
TEST(LinkNotes, FaultsThatHitNothingInManyFlows) {
  const PathRun run;
  EXPECT_THAT(link_notes({run.settings, run.up, 2}, {run.settings, run.down, 0},
                         {.end = Instant(1s), .to_have_more = ""}),
              ElementsAre("uplink: 2 of the faults were for datagrams that were never sent."));
}

}  // namespace
}  // namespace lossy
