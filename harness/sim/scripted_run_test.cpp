#include <lossy/harness/sim/scripted_run.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <lossy/core/escape.hpp>
#include <lossy/harness/link/text.hpp>
#include <lossy/harness/sim/properties.hpp>
#include <lossy/harness/sim/script_text.hpp>
#include <lossy/harness/sim/scripts_for_test.hpp>

namespace lossy {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::ElementsAreArray;
using Strings = std::vector<std::string>;

// Writes down what happens to datagrams and requests: "1s sent uplink.1 A".
class Trace final : public Observer {
 public:
  void on_offered(Instant now, const Passage& passage, const Offer& offer) override {
    add(now, offer.copies_in_flight == 0 ? "crowded out" : "sent", passage, offer.number);
  }
  void on_delivered(Instant now, const Passage& passage, const Delivery& delivery) override {
    EXPECT_EQ(delivery.due, now);
    EXPECT_LE(delivery.offered, now);
    std::string how = "got";
    if (!delivery.first_arrival) how += " again";
    if (delivery.reordered) how += " late";
    if (delivery.corrupted) how += " flipped";
    if (delivery.truncated) how += " cut";
    add(now, how, passage, delivery.number);
  }
  void on_lost(Instant now, const Passage& passage, std::uint64_t number,
               std::string_view why) override {
    add(now, "lost (" + std::string(why) + ")", passage, number);
  }
  void on_event(const ClientEvent& event) {
    lines.push_back(format_duration(event.ended - Instant{}) +
                    (event.kind == ClientEvent::Kind::kGreeted ? " greeted " : " given up ") +
                    escape_bytes(std::as_bytes(std::span(event.name))));
  }

  Strings lines;
  bool with_sources = false;

 private:
  void add(Instant now, const std::string& what, const Passage& passage, std::uint64_t number) {
    lines.push_back(format_duration(now - Instant{}) + ' ' + what + ' ' +
                    std::string(to_string(passage.direction)) + '.' + std::to_string(number) + ' ' +
                    (passage.payload.size() > 40 ? std::to_string(passage.payload.size()) + " bytes"
                                                 : escape_bytes(passage.payload)) +
                    (with_sources ? " from " + passage.source.to_string() : ""));
  }
};

// A run is large: one for all.
Strings trace_of(ScriptedRun& run, Trace& trace, const Script& script) {
  trace.lines.clear();
  run.run(script);
  return trace.lines;
}

class Runs : public testing::Test {
 protected:
  Runs() : run_(std::make_unique<ScriptedRun>()) {
    run_->observe(trace_);
    run_->on_event([this](const ClientEvent& event) { trace_.on_event(event); });
  }
  // What a script leads to, its first line left out; and its end, where the network is perfect.
  Strings trace(const std::string& lines) {
    return trace_of(*run_, trace_, parse_script("script 1\n" + lines));
  }

  Trace trace_;
  std::unique_ptr<ScriptedRun> run_;
};

using ScriptedRuns = Runs;

// Without operations nothing happens; and what was asked for is greeted on the perfect network of
// the end.
TEST_F(ScriptedRuns, EndOnAPerfectNetwork) {
  EXPECT_THAT(trace(""), ElementsAre());
  EXPECT_THAT(trace("greet \"A\""),
              ElementsAre("0s sent uplink.1 A", "0s got uplink.1 A", "0s sent downlink.1 Hello, A!",
                          "0s got downlink.1 Hello, A!", "0s greeted A"));
  EXPECT_EQ(run_->requests(), 1U);
  EXPECT_EQ(run_->client_counters().sent, 1U);
  EXPECT_EQ(run_->server_counters().answered, 1U);
  EXPECT_EQ(run_->link_counters(Direction::kDownlink).delivered, 1U);
}

// An operation that finds nothing to do is counted, and changes nothing.
TEST_F(ScriptedRuns, IdleOperationsAreCounted) {
  const Strings without = trace("greet \"A\"\ndeliver all");
  EXPECT_EQ(run_->idle_operations(), 0U);
  EXPECT_EQ(trace("deliver downlink 0\ndrop uplink 0\ngreet \"A\"\ncut downlink 0 1\ndeliver all"),
            without);
  EXPECT_EQ(run_->idle_operations(), 3U);
}

// What is dropped is asked for again at the very timeout, and given up in the end.
TEST_F(ScriptedRuns, DropAndTimeOut) {
  EXPECT_THAT(trace("attempts 2\ngreet \"A\"\ndrop uplink 0\ntimeout early\ntimeout\ndeliver all"),
              ElementsAre("0s sent uplink.1 A", "0s lost (dropped) uplink.1 A",
                          "1s sent uplink.2 A", "1s got uplink.2 A", "1s sent downlink.1 Hello, A!",
                          "1s got downlink.1 Hello, A!", "1s greeted A"));
  EXPECT_THAT(
      trace("attempts 1\ngreet \"A\"\ndrop uplink 0\ntimeout late 5ms"),
      ElementsAre("0s sent uplink.1 A", "0s lost (dropped) uplink.1 A", "1.005s given up A"));
  EXPECT_EQ(run_->elapsed(), std::chrono::milliseconds(1005));
}

// Time may pass with a timeout called at its end, with nobody calling, or with every timeout on
// time.
TEST_F(ScriptedRuns, TimePassesInThreeWays) {
  const std::string lost = "greet \"A\"\ndrop uplink 0\n";
  const auto sent_again = [&](const std::string& how) { return trace(lost + how).at(2); };
  EXPECT_EQ(sent_again("tick 1500ms"), "1.5s sent uplink.2 A");
  EXPECT_EQ(sent_again("pass 1500ms\nwait 0s"), "1.5s sent uplink.2 A");
  EXPECT_EQ(sent_again("pass 1500ms\ntick 1s"), "2.5s sent uplink.2 A");
  EXPECT_EQ(sent_again("wait 1500ms"), "1s sent uplink.2 A");
  EXPECT_THAT(trace(lost + "wait 60s"),
              Contains("31s given up A"));  // 1 + 2 + 4 + 8 + 16 seconds.
}

// Copies, changed places and damage arrive as such.
TEST_F(ScriptedRuns, DuplicateSwapFlipAndCut) {
  EXPECT_THAT(
      trace("greet \"A\"\nduplicate uplink 0\ndeliver uplink 0\ndrop downlink 0\n"
            "deliver uplink 0\ndeliver downlink 0"),
      ElementsAre("0s sent uplink.1 A", "0s got uplink.1 A", "0s sent downlink.1 Hello, A!",
                  "0s lost (dropped) downlink.1 Hello, A!", "0s got again uplink.1 A",
                  "0s sent downlink.2 Hello, A!", "0s got downlink.2 Hello, A!", "0s greeted A"));
  EXPECT_THAT(trace("window 2\ngreet \"A\"\ngreet \"B\"\nswap uplink 0 1\ndeliver uplink 2"),
              Contains("0s got uplink.2 B"));
  EXPECT_THAT(trace_.lines, Contains("0s got late uplink.1 A"));
  EXPECT_THAT(trace("greet \"A\"\nflip uplink 0 1"), Contains("0s got flipped uplink.1 C"));
  EXPECT_THAT(trace("greet \"Bob\"\ncut uplink 0 1"), Contains("0s got cut uplink.1 B"));
  EXPECT_THAT(trace("greet \"Bob\"\nflip uplink 0 9\ncut uplink 0 3"),
              Contains("0s got flipped uplink.1 Bmb"));
  EXPECT_EQ(run_->link_counters(Direction::kUplink).truncated, 0U);
}

// What somebody injects arrives from where it is said to come, and was sent by nobody.
TEST_F(ScriptedRuns, Inject) {
  trace_.with_sources = true;
  EXPECT_THAT(trace("inject uplink peer name \"A\"\ndeliver all"),
              ElementsAre("0s got uplink.1 A from 192.0.2.1:50000",
                          "0s sent downlink.1 Hello, A! from 192.0.2.2:9999",
                          "0s got downlink.1 Hello, A! from 192.0.2.2:9999"));
  EXPECT_THAT(trace("inject uplink other-host name \"A\"\ndeliver all").back(),
              "0s lost (nobody has its address) downlink.1 Hello, A! from 192.0.2.2:9999");
  EXPECT_THAT(trace("inject uplink reflected rubbish byte-ff"),
              ElementsAre("0s got uplink.1 \\xff from 192.0.2.2:9999"));
  EXPECT_THAT(trace("greet \"A\"\ninject downlink other-port greeting \"A\"\ndeliver downlink 0"),
              Contains("0s got downlink.1 Hello, A! from 192.0.2.2:40000"));
  EXPECT_EQ(run_->client_counters().wrong_source, 1U);
  EXPECT_THAT(trace("greet \"A\"\ninject downlink peer greeting \"A\"\ndeliver downlink 0"),
              Contains("0s greeted A"));
  EXPECT_THAT(trace("inject uplink peer bytes \"\\x00\\xff\""),
              ElementsAre("0s got uplink.1 \\x00\\xff from 192.0.2.1:50000"));
  EXPECT_THAT(trace("family ipv6\ninject uplink other-host rubbish empty"),
              ElementsAre("0s got uplink.1  from [2001:db8::3]:50000"));
}

// A client that was given another address sends from that one, and what was on its way to the old
// one is lost.
TEST_F(ScriptedRuns, Rebind) {
  trace_.with_sources = true;
  const Strings lines = trace("greet \"A\"\ndeliver uplink 0\nrebind 2\ntimeout");
  EXPECT_THAT(lines, Contains("1s lost (nobody has its address) downlink.1 Hello, A! from "
                              "192.0.2.2:9999"));
  EXPECT_THAT(lines, Contains("1s sent uplink.2 A from 192.0.2.1:50002"));
  EXPECT_EQ(lines.back(), "1s greeted A");
}

// A text is for the next operation that wants one, and forgotten by any other; what is no name is
// not asked for.
TEST_F(ScriptedRuns, TextsAreForTheNextOperation) {
  EXPECT_EQ(trace("greet \"Alice\"").back(), "0s greeted Alice");
  EXPECT_EQ(trace("text \"Al\"\ntext \"x\"\ngreet text").back(), "0s greeted Alx");
  EXPECT_THAT(trace("text \"Al\"\ntimeout\ngreet text"), ElementsAre());
  EXPECT_THAT(trace("text \"\\xff\"\ngreet text"), ElementsAre());
}

// The endpoints' clock may say anything: what is observed begins at 0.
TEST_F(ScriptedRuns, ObserversTimesBeginAtZero) {
  const std::string lines = "greet \"A\"\ndrop uplink 0\ntimeout late 3ms\ndeliver all";
  const Strings expected = trace(lines);
  for (const char* clock : {"1s", "-1s", "earliest"}) {
    EXPECT_THAT(trace(std::string("clock ") + clock + '\n' + lines), ElementsAreArray(expected));
  }
}

// What does not fit is lost, and nothing is asked for beyond the bound.
TEST_F(ScriptedRuns, AreBounded) {
  std::string lines = "window 16\n";
  for (int i = 0; i < 20; ++i) lines += "greet \"guest-" + std::to_string(i) + "\"\n";
  for (int i = 0; i < 90; ++i) lines += "duplicate uplink 0\n";
  lines += "rebind 1\ntimeout\n";
  const Strings found = trace(lines);
  EXPECT_EQ(run_->requests(), ScriptedRun::kRequestsMax);
  EXPECT_THAT(found, Contains("1s crowded out uplink.17 guest-0"));
}

// The properties hold whatever a script does. The same script gives the same run, whichever ran
// before it.
TEST_F(ScriptedRuns, PropertiesHoldWhateverHappens) {
  ScriptedRun other;
  Trace other_trace;
  other.observe(other_trace);
  other.on_event([&](const ClientEvent& event) { other_trace.on_event(event); });
  constexpr std::uint64_t kScripts = 3000;
  std::vector<Strings> traces;
  std::size_t lines = 0;
  for (std::uint64_t seed = 0; seed < kScripts; ++seed) {
    SCOPED_TRACE(seed);
    traces.push_back(trace_of(*run_, trace_, random_script(seed)));
    lines += traces.back().size();
  }
  EXPECT_GT(lines, 10 * kScripts);
  for (std::uint64_t seed = kScripts; seed-- > 0;) {
    SCOPED_TRACE(seed);
    ASSERT_EQ(trace_of(other, other_trace, random_script(seed)), traces[seed]);
  }
}

// Whatever is offered to a wire is delivered or lost in the end.
TEST_F(ScriptedRuns, CountersAddUp) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(seed);
    run_->run(random_script(seed));
    for (const Direction direction : {Direction::kUplink, Direction::kDownlink}) {
      const LinkCounters& counters = run_->link_counters(direction);
      EXPECT_EQ(counters.offered, counters.delivered + counters.lost());
    }
  }
}

}  // namespace
}  // namespace lossy
