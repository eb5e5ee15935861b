#include <lossy/harness/capture/recorded_flows.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include <lossy/harness/capture/frame_for_test.hpp>
#include <lossy/harness/capture/recorded_for_test.hpp>
#include <lossy/harness/capture/recording_writer.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// "> Michael", "< Hello, Michael! (1)": what was asked, and answered to which step.
std::vector<std::string> told(const RecordedFlow& flow) {
  std::vector<std::string> lines;
  for (const RecordedStep& step : flow.steps) {
    lines.push_back((step.is_request ? "> " : "< ") + to_text(step.payload) +
                    (step.is_request ? "" : " (" + std::to_string(step.request) + ")"));
  }
  return lines;
}

std::vector<std::string> told(const std::vector<SaidForTest>& all,
                              const RecordedFlowsOptions& options = {}) {
  const RecordedFlows read = recorded(all, options);
  return read.flows.empty() ? std::vector<std::string>() : told(read.flows.at(0));
}

// Each flow has its datagrams in the capture's order, at times that count from the first one; each
// request is numbered over all flows.
TEST(RecordedFlows, FlowsOfACapture) {
  const Address other = *Address::parse("192.0.2.3:40000");
  const RecordedFlows read =
      recorded({ask("Michael", 0s), ask("Tracy", 1s, other), reply("Hello, Michael!", 2s),
                reply("Hello, Tracy!", 3s, other), ask("Sarah", 4s)});
  ASSERT_EQ(read.flows.size(), 2U);
  EXPECT_THAT(told(read.flows[0]), ElementsAre("> Michael", "< Hello, Michael! (0)", "> Sarah"));
  EXPECT_THAT(told(read.flows[1]), ElementsAre("> Tracy", "< Hello, Tracy! (0)"));
  EXPECT_EQ(read.flows[0].client, kClientForTest);
  EXPECT_EQ(read.flows[0].server, kServerForTest);
  EXPECT_EQ(read.flows[0].steps[2].number, 2U);
  EXPECT_EQ(read.flows[0].steps[2].record, 5U);
  EXPECT_EQ(read.flows[1].steps[1].at, 3s);
  EXPECT_EQ(read.requests, 3U);
  EXPECT_EQ(read.answers, 2U);
  EXPECT_EQ(read.duration, 4s);
  EXPECT_EQ(read.error, "");
}

// What has a bad checksum is left out, and counted with the option that takes it; unless it is
// taken.
TEST(RecordedFlows, BadChecksums) {
  const TemporaryFolder folder;
  const std::string path = folder / "anonymous.pcap";
  write_capture(path, {ask("Michael"), reply("Hello, Michael!")});
  std::string content = read_file(path);
  content.at(content.find("Michael")) = 'm';
  write_file(path, content);
  const RecordedFlows refused = read_recorded_flows(path, {});
  EXPECT_EQ(refused.requests, 0U);
  EXPECT_EQ(left_out_text(refused),
            "of 2 records: 1 with a bad checksum (--bad-checksums takes them), 1 answer in front "
            "of any request");
  const RecordedFlows taken = read_recorded_flows(path, {.bad_checksums = true});
  EXPECT_EQ(taken.bad_checksum, 0U);
  EXPECT_THAT(told(taken.flows.at(0)), ElementsAre("> michael", "< Hello, Michael! (0)"));
}

// Of what carries packets itself those count when they are asked for, in flows of their own.
TEST(RecordedFlows, WhatIsInside) {
  const TemporaryFolder folder;
  const std::string path = folder / "tunnel.pcap";
  const TestBytes inside = from_hex("0800000000000700" + kMacs + "0800" + kMichael4);
  const Address tunnel = *Address::parse("192.0.2.2:4789");
  write_capture(path, std::vector<SightForTest>{{{.source = kClientForTest,
                                                  .destination = tunnel,
                                                  .payload = inside,
                                                  .type = PacketType::kIncoming,
                                                  .interface = 1}}});
  const RecordedFlows outside = read_recorded_flows(path, {});
  EXPECT_EQ(outside.flows.at(0).server, tunnel);
  const RecordedFlows read = read_recorded_flows(path, {.inner = true});
  EXPECT_THAT(told(read.flows.at(0)), ElementsAre("> Michael"));
  EXPECT_EQ(read.flows.at(0).server.to_string(), "127.0.0.1:9999");
}

// What a filter leaves nothing of says so; flows that do not count are counted.
TEST(RecordedFlows, NothingIsLeft) {
  const Address other = *Address::parse("192.0.2.3:40000");
  const std::vector<SaidForTest> all = {ask("Michael"), ask("Tracy", 1s, other)};
  EXPECT_EQ(recorded(all).filtered_out, "");
  EXPECT_EQ(recorded(all, {.filter = "port 7"}).filtered_out, "port 7 matches none of 2 records");
  EXPECT_EQ(recorded(all, {.flow = 7}).flows_seen, 2U);
  EXPECT_TRUE(recorded(all, {.flow = 7}).flows.empty());
}

// A clock that goes back does not make time go back.
TEST(RecordedFlows, TimesNeverDecrease) {
  const RecordedFlows read = recorded({ask("a", 5s), ask("b", 1s), ask("c", 6s)});
  EXPECT_EQ(read.flows.at(0).steps.at(1).at, 0s);
  EXPECT_EQ(read.flows.at(0).steps.at(2).at, 1s);
}

// A request that is sent again before its answer is left out, and so is what it was answered once
// more; unless they are asked for.
TEST(RecordedFlows, Retransmissions) {
  const std::vector<SaidForTest> all = {
      ask("Michael"),           ask("Michael"),         ask("Tracy"),   reply("Hello, Michael!"),
      reply("Hello, Michael!"), reply("Hello, Tracy!"), ask("Michael"), reply("Hello, Michael!")};
  EXPECT_THAT(told(all), ElementsAre("> Michael", "> Tracy", "< Hello, Michael! (0)",
                                     "< Hello, Tracy! (1)", "> Michael", "< Hello, Michael! (4)"));
  EXPECT_EQ(recorded(all).flows[0].retransmitted, 1U);
  EXPECT_EQ(recorded(all).flows[0].answered_again, 1U);
  EXPECT_EQ(told(all, {.retransmissions = true}).size(), all.size());
}

// Answers in several datagrams that say nothing of what they answer are left out once for each time
// that their request was sent again, and no more: a server may give the same answer twice.
TEST(RecordedFlows, AnswersThatSayNothing) {
  EXPECT_THAT(told({ask("get"), ask("get"), reply("a"), reply("b"), reply("a"), reply("b")}),
              ElementsAre("> get", "< a (0)", "< b (0)"));
  EXPECT_THAT(told({ask("ping"), ask("ping"), reply("pong"), ask("ping"), reply("pong")}),
              ElementsAre("> ping", "< pong (0)", "> ping", "< pong (2)"));
  EXPECT_THAT(told({ask("ping"), reply("pong"), reply("pong")}),
              ElementsAre("> ping", "< pong (0)", "< pong (0)"));
}

// An answer belongs to the request that it names, wherever it stands.
TEST(RecordedFlows, AnswersBelongToRequests) {
  EXPECT_THAT(told({ask("Michael"), ask("Tracy"), reply("Hello, Tracy!"), reply("Hello, Michael!"),
                    reply("Bye, Tracy!")}),
              ElementsAre("> Michael", "> Tracy", "< Hello, Tracy! (1)", "< Hello, Michael! (0)",
                          "< Bye, Tracy! (1)"));
}

// And of several that it names to the one that it says most of.
TEST(RecordedFlows, AnswersBelongToTheLongestRequest) {
  EXPECT_THAT(
      told({ask("guest-2"), ask("guest-21"), reply("Hello, guest-21!"), ask("guest-2"),
            reply("Hello, guest-2!")}),
      ElementsAre("> guest-2", "> guest-21", "< Hello, guest-21! (1)", "< Hello, guest-2! (0)"));
}

// However many others are answered in between, one that waits is known.
TEST(RecordedFlows, AWaitingRequestIsRemembered) {
  std::vector<SaidForTest> all = {ask("lost")};
  for (int i = 100; i < 300; ++i) {
    all.push_back(ask("name " + std::to_string(i)));
    all.push_back(reply("Hello, name " + std::to_string(i) + "!"));
  }
  all.push_back(ask("lost"));
  all.push_back(reply("Hello, lost!"));
  const RecordedFlows read = recorded(all);
  EXPECT_EQ(read.requests, 201U);
  EXPECT_EQ(read.flows.at(0).steps.back().request, 0U);
}

// What comes in front of any request was not asked for in this capture.
TEST(RecordedFlows, AnswersInFrontOfAnyRequest) {
  // The privileged port is the server's, whoever is first.
  const Address dns = *Address::parse("192.0.2.2:53");
  const TemporaryFolder folder;
  const std::string path = folder / "first.pcap";
  const auto frame = [&](bool up, std::string_view text) {
    return Frame{.source = up ? kClientForTest : dns,
                 .destination = up ? dns : kClientForTest,
                 .payload = as_bytes(text)};
  };
  write_capture(path, std::vector<SightForTest>{{frame(false, "late"), 0s},
                                                {frame(true, "ask"), 1s},
                                                {frame(false, "answer"), 2s}});
  const RecordedFlows read = read_recorded_flows(path, {});
  EXPECT_THAT(told(read.flows.at(0)), ElementsAre("> ask", "< answer (0)"));
  EXPECT_EQ(read.unasked, 1U);
  EXPECT_EQ(left_out_text(read), "of 3 records: 1 answer in front of any request");
}

// Without a request there is nobody to play.
TEST(RecordedFlows, OnlyAnswers) {
  const RecordedFlows read = recorded({reply("Hello, Michael!")}, {.server_port = 9999});
  EXPECT_THAT(read.flows, IsEmpty());
  EXPECT_EQ(read.unasked, 1U);
}

// A port says who is the server, and what is of other ports does not count.
TEST(RecordedFlows, ServerPort) {
  EXPECT_THAT(told({reply("early"), ask("Michael")}), ElementsAre("> early", "< Michael (0)"));
  EXPECT_THAT(told({reply("early"), ask("Michael")}, {.server_port = 9999}),
              ElementsAre("> Michael"));
  const RecordedFlows none = recorded({ask("Michael")}, {.server_port = 53});
  EXPECT_THAT(none.flows, IsEmpty());
  EXPECT_EQ(none.other, 1U);
}

// One flow alone keeps its number.
TEST(RecordedFlows, OneFlow) {
  const Address other = *Address::parse("192.0.2.3:40000");
  const RecordedFlows read =
      recorded({ask("Michael"), ask("Tracy", 0s, other), reply("Hello, Michael!")}, {.flow = 2});
  ASSERT_EQ(read.flows.size(), 1U);
  EXPECT_EQ(read.flows[0].number, 2U);
  EXPECT_THAT(told(read.flows[0]), ElementsAre("> Tracy"));
  EXPECT_EQ(read.other, 2U);
}

TEST(RecordedFlows, Filter) {
  EXPECT_THAT(told({ask("Michael"), reply("Hello, Michael!")}, {.filter = "src host 192.0.2.1"}),
              ElementsAre("> Michael"));
  EXPECT_THROW(recorded({ask("Michael")}, {.filter = "prot 1"}), std::invalid_argument);
}

// A datagram that is seen leaving and arriving, or on two interfaces, was sent once.
TEST(RecordedFlows, TheSameDatagramSeenTwice) {
  std::vector<SightForTest> sights;
  for (const SaidForTest& said : {ask("Michael"), reply("Hello, Michael!")}) {
    static std::vector<std::string> texts;
    for (const auto& [type, interface] :
         {std::pair(PacketType::kOutgoing, 1U), std::pair(PacketType::kIncoming, 1U),
          std::pair(PacketType::kOutgoing, 2U)}) {
      Frame frame = frame_of(said);
      frame.payload = said.request ? as_bytes("Michael") : as_bytes("Hello, Michael!");
      frame.type = type;
      frame.interface = interface;
      sights.push_back({frame, 0s});
    }
  }
  const TemporaryFolder folder;
  write_capture(folder / "any.pcap", sights);
  const RecordedFlows read = read_recorded_flows(folder / "any.pcap", {});
  ASSERT_EQ(read.flows.size(), 1U);
  EXPECT_THAT(told(read.flows[0]), ElementsAre("> Michael", "< Hello, Michael! (0)"));
  EXPECT_EQ(read.repeated, 4U);
}

// Of a recording of ours each host has its own view: here the first request was lost on its way,
// and the answer to the second.
TEST(RecordedFlows, OneHostOfARecording) {
  const TemporaryFolder folder;
  RecordingWriter writer(folder / "run.pcap");
  Recorder recorder;
  recorder.add(writer);
  const auto see = [&](RecordedHost host, PacketType type, std::string_view text, bool up) {
    recorder.record({Instant(1s), host, type, 1, up ? kClientForTest : kServerForTest,
                     up ? kServerForTest : kClientForTest, as_bytes(text)});
  };
  see(RecordedHost::kClient, PacketType::kOutgoing, "one", true);
  see(RecordedHost::kClient, PacketType::kOutgoing, "two", true);
  see(RecordedHost::kServer, PacketType::kIncoming, "two", true);
  see(RecordedHost::kServer, PacketType::kOutgoing, "Hello, two!", false);
  recorder.finish();
  const auto client = read_recorded_flows(folder / "run.pcap", {});
  EXPECT_THAT(told(client.flows.at(0)), ElementsAre("> one", "> two"));
  EXPECT_EQ(client.other_host, 2U);
  EXPECT_EQ(left_out_text(client), "");
  const auto filtered = read_recorded_flows(folder / "run.pcap", {.flow = 2});
  EXPECT_EQ(left_out_text(filtered), "of 4 records: 2 of something else, 2 seen by the other host");
  const auto server = read_recorded_flows(folder / "run.pcap", {.host = RecordedHost::kServer});
  EXPECT_THAT(told(server.flows.at(0)), ElementsAre("> two", "< Hello, two! (0)"));
}

// All flows say who serves, whichever comes first; an answer in front of any request is none.
TEST(RecordedFlows, CaptureThatBeginsWithAnAnswer) {
  const Address other = *Address::parse("192.0.2.3:40000");
  const Address third = *Address::parse("192.0.2.4:40000");
  const RecordedFlows read =
      recorded({reply("Hello, Sarah!"), ask("Michael"), reply("Hello, Michael!"),
                ask("Tracy", 0s, other), ask("Peter", 0s, third)});
  ASSERT_EQ(read.flows.size(), 3U);
  EXPECT_EQ(read.flows[0].server, kServerForTest);
  EXPECT_THAT(told(read.flows[0]), ElementsAre("> Michael", "< Hello, Michael! (0)"));
  EXPECT_EQ(read.unasked, 1U);
  EXPECT_FALSE(read.mistaken);
}

// What another port answers is no answer of the flow's, and begins none.
TEST(RecordedFlows, AnswersFromAnotherPort) {
  const Address transfer = with_port(kServerForTest, 50000);
  const std::vector<SaidForTest> all = {ask("RRQ"), reply("DATA 1")};
  std::vector<SightForTest> sights = {{frame_of(all[0])}, {frame_of(all[1])}};
  sights[1].frame.source = transfer;
  const TemporaryFolder folder;
  write_capture(folder / "tftp.pcap", sights);
  const RecordedFlows read = read_recorded_flows(folder / "tftp.pcap", {});
  EXPECT_EQ(read.elsewhere, 1U);
  EXPECT_EQ(read.unasked, 0U);
  ASSERT_EQ(read.flows.size(), 1U);
  EXPECT_EQ(left_out_text(read), "of 2 records: 1 answered by another port or address");
}

// What breaks off yields what came before, and the error; what is no file yields the error.
TEST(RecordedFlows, DamagedFiles) {
  const TemporaryFolder folder;
  write_capture(folder / "whole.pcap", std::vector<SaidForTest>{ask("Michael"), ask("Tracy")});
  std::string bytes = read_file(folder / "whole.pcap");
  bytes.resize(bytes.size() - 3);
  write_file(folder / "cut.pcap", bytes);
  const RecordedFlows cut = read_recorded_flows(folder / "cut.pcap", {});
  EXPECT_THAT(told(cut.flows.at(0)), ElementsAre("> Michael"));
  EXPECT_THAT(cut.error, HasSubstr("is damaged behind record 1"));
  EXPECT_THAT(read_recorded_flows(folder / "none.pcap", {}).error,
              HasSubstr("No such file or directory"));
}

// What is more than the bound is refused as a whole.
TEST(RecordedFlows, TooMuch) {
  const std::vector<SaidForTest> all = {ask(std::string(60'000, 'a')),
                                        ask(std::string(60'000, 'b'))};
  EXPECT_EQ(recorded(all, {.bytes_max = 130'000}).requests, 2U);
  const RecordedFlows none = recorded(all, {.bytes_max = 110'000});
  EXPECT_THAT(none.flows, IsEmpty());
  EXPECT_THAT(none.error, HasSubstr("more than 110000 bytes"));
}

// Datagrams without content, and with as much as there can be.
TEST(RecordedFlows, ShortestAndLongest) {
  for (const Address& client : {kClientForTest, kClient6ForTest}) {
    const std::string longest(payload_bytes_max(client), 'x');
    EXPECT_THAT(told({ask("", {}, client), reply("", {}, client), ask(longest, {}, client),
                      reply(longest, {}, client)}),
                ElementsAre("> ", "<  (0)", "> " + longest, "< " + longest + " (2)"));
  }
}

}  // namespace
}  // namespace lossy
