#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include <lossy/harness/capture/reader.hpp>
#include <lossy/harness/capture/replay_for_test.hpp>

namespace lossy {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class TwoSidedReplayTest : public testing::Test {
 protected:
  // Replays the records against the client they were recorded from, and the server.
  ReplayResult replay(const std::vector<Record>& records, Duration initial_rto = 100ms) {
    save(records, path_);
    Greeter client = conversation_.greeter(initial_rto);
    return replay_capture(path_, {.client = &client});
  }

  ReplayResult replay_server_only(const std::vector<Record>& records) {
    save(records, path_);
    return replay_capture(path_);
  }

  TemporaryFolder folder_;
  std::string path_ = folder_ / "a.pcap";
  Conversation conversation_;
};

// What was recorded holds: without loss, with it, until the client gives up, and with IPv6.
TEST_F(TwoSidedReplayTest, WhatWasRecordedHolds) {
  const std::set<std::string> losses[] = {{},
                                          {"up1"},
                                          {"down1", "down2", "up4"},
                                          {"up1", "up2", "up3"},
                                          {"up1", "up2", "up3", "up4", "up5", "up6", "up7"}};
  for (const auto& lost : losses) {
    for (const bool v6 : {false, true}) {
      SCOPED_TRACE(testing::Message() << lost.size() << " lost, " << (v6 ? "IPv6" : "IPv4"));
      const auto records = Conversation(v6, lost).record();
      save(records, path_);
      Greeter client = Conversation(v6).greeter();
      const ReplayResult result = replay_capture(path_, {.client = &client});
      EXPECT_EQ(result.status, ReplayStatus::kHolds) << replay_text(result);
      EXPECT_TRUE(result.two_sided);
      EXPECT_TRUE(result.client_checked);
      EXPECT_EQ(result.records, records.size());
      EXPECT_EQ(result.sent + result.received, records.size());
      EXPECT_EQ(result.flows, 1U);
      EXPECT_TRUE(client.done());
    }
  }
}

// A recording of real time holds however late each timeout and each delivery was; as one of virtual
// time it would not.
TEST_F(TwoSidedReplayTest, RealTimeMayBeLate) {
  const std::set<std::string> losses[] = {
      {}, {"down1", "up3"}, {"up1", "up2", "up3", "up4", "up5", "up6", "up7"}};
  for (const auto& lost : losses) {
    for (const Duration late : {Duration(1us), Duration(1ms), Duration(100ms)}) {
      SCOPED_TRACE(testing::Message() << lost.size() << " lost, late by " << late.count());
      auto records = Conversation(false, lost, late).record();
      const ReplayResult result = replay(records);
      EXPECT_EQ(result.status, ReplayStatus::kHolds) << replay_text(result);
      EXPECT_TRUE(result.real_time);
      EXPECT_TRUE(result.client_checked);
      EXPECT_EQ(result.sent + result.received, records.size());
      EXPECT_THAT(replay_text(result), HasSubstr("its times are real"));
      for (Record& record : records) {
        change(record, [](Frame& frame) { frame.link_address = kRecordingMark; });
      }
      EXPECT_EQ(replay(records).status, ReplayStatus::kDiffers);
    }
  }
}

// Nothing is ever early in real time, and a second late is too late; bytes are compared as ever.
TEST_F(TwoSidedReplayTest, RealTimeIsCompared) {
  const auto records = Conversation(false, {"up1"}, 1ms).record();
  // Michael is lost at 1 ms, sent again at 102 ms, arrives, and is answered.
  EXPECT_EQ(replay(records).status, ReplayStatus::kHolds);
  auto early = records;
  early[1].time = Instant(100ms);
  EXPECT_THAT(replay(early).difference, HasSubstr("record 2: the client does not send it then"));
  auto late = records;
  for (std::size_t i = 1; i < late.size(); ++i) late[i].time += 1s;
  EXPECT_THAT(replay(late).difference,
              HasSubstr("record 2: the client sends what the capture does not have then"));
  auto missing = records;
  missing.erase(missing.begin() + 3);
  EXPECT_EQ(replay(missing).status, ReplayStatus::kDiffers);
  auto other = records;
  change(other[1], [](Frame& frame) { frame.payload = as_bytes("Mjchael"); });
  EXPECT_THAT(replay(other).difference, HasSubstr("record 2: the client sends other bytes"));
}

// Of an answer and a timeout that were both late, the one that the recording has came first.
TEST_F(TwoSidedReplayTest, RealTimeKeepsTheRecordedOrder) {
  const Address client = *Address::parse("192.0.2.1:40000");
  const Address server = *Address::parse("192.0.2.2:9999");
  for (const bool sent_again : {false, true}) {
    Memory memory;
    Recorder recorder(kClockMark);
    recorder.add(memory);
    const auto see = [&](Duration now, RecordedHost host, PacketType type, const char* text) {
      const bool up = (host == RecordedHost::kClient) == (type == PacketType::kOutgoing);
      recorder.record({Instant(now), host, type, 1, up ? client : server, up ? server : client,
                       as_bytes(text)});
    };
    see(1ms, RecordedHost::kClient, PacketType::kOutgoing, "Michael");
    see(2ms, RecordedHost::kServer, PacketType::kIncoming, "Michael");
    see(2ms, RecordedHost::kServer, PacketType::kOutgoing, "Hello, Michael!");
    if (sent_again) see(105ms, RecordedHost::kClient, PacketType::kOutgoing, "Michael");
    see(105ms, RecordedHost::kClient, PacketType::kIncoming, "Hello, Michael!");
    save(memory.records, path_);
    GreeterOptions options;
    options.client.server = server;
    options.client.retry.initial_rto = 100ms;
    Greeter greeter(options, Names({"Michael"}));
    const ReplayResult result = replay_capture(path_, {.client = &greeter});
    EXPECT_EQ(result.status, ReplayStatus::kHolds) << replay_text(result);
    EXPECT_EQ(greeter.result().attempts, sent_again ? 2U : 1U);
  }
}

// Without a client only the server is checked, and the text says so.
TEST_F(TwoSidedReplayTest, ServerAloneIsSaid) {
  const ReplayResult result = replay_server_only(Conversation().record());
  EXPECT_EQ(result.status, ReplayStatus::kHolds);
  EXPECT_FALSE(result.client_checked);
  EXPECT_EQ(result.sent, 3U);
  EXPECT_EQ(result.received, 3U);
  EXPECT_EQ(replay_text(result),
            path_ +
                ": holds: the server received 3 datagrams and sent 3 as recorded, 1 flow\n"
                "only the server was checked: the client needs the scenario\n");
}

// A byte that one endpoint would not have sent is shown beside the one it sends.
TEST_F(TwoSidedReplayTest, OtherBytesAreShown) {
  auto records = Conversation().record();
  const auto answer = as_bytes("Hello, Mjchael!");
  change(records[2], [&](Frame& frame) { frame.payload = answer; });
  const ReplayResult result = replay(records);
  EXPECT_EQ(result.status, ReplayStatus::kDiffers);
  EXPECT_EQ(
      replay_text(result),
      path_ +
          ": differs at record 3: the server sends other bytes\n"
          "flow: client 192.0.2.1:40000, server 192.0.2.2:9999\n"
          "what led up to it:\n"
          "  record 1 at 0.000000000 s: client sent #1 192.0.2.1:40000 > 192.0.2.2:9999,"
          " 7 bytes \"Michael\"\n"
          "  record 2 at 0.002000000 s: server received #1 192.0.2.1:40000 > 192.0.2.2:9999,"
          " 7 bytes \"Michael\"\n"
          "expected (capture): record 3 at 0.002000000 s: server sent #1 192.0.2.2:9999 >"
          " 192.0.2.1:40000, 15 bytes \"Hello, Mjchael!\"\n"
          "actual (replay):    at 0.002000000 s: > 192.0.2.1:40000, 15 bytes \"Hello, Michael!\"\n"
          "offset  expected, 15 bytes                  actual, 15 bytes\n"
          "     0  48 65 6c 6c 6f 2c 20 4d |Hello, M|  48 65 6c 6c 6f 2c 20 4d |Hello, M|\n"
          "     8  6a 63 68 61 65 6c 21    |jchael!|   69 63 68 61 65 6c 21    |ichael!|\n"
          "        ^^                                  ^^\n"
          "first difference at offset 8: expected 6a 'j', actual 69 'i'\n");
}

// Whichever payload byte is changed in the file, it is a difference that shows the byte, with and
// without the scenario.
TEST_F(TwoSidedReplayTest, EveryChangedByteIsShown) {
  const auto records = Conversation().record();
  for (std::size_t n = 0; n < records.size(); ++n) {
    for (std::size_t at = 48; at < records[n].frame.size(); at += 3) {
      auto changed = records;
      changed[n].frame[at] ^= std::byte{0x40};
      for (const bool with_client : {true, false}) {
        SCOPED_TRACE(testing::Message() << "record " << n + 1 << ", byte " << at);
        const ReplayResult result = with_client ? replay(changed) : replay_server_only(changed);
        ASSERT_EQ(result.status, ReplayStatus::kDiffers);
        EXPECT_THAT(result.difference, HasSubstr("differs at record " + std::to_string(n + 1)));
        EXPECT_THAT(result.difference,
                    HasSubstr("first difference at offset " + std::to_string(at - 48) + ":"));
      }
    }
  }
}

// What an endpoint sends at another time is a difference, be it a nanosecond.
TEST_F(TwoSidedReplayTest, OtherTimeIsShown) {
  const auto records = Conversation(false, {"up1"}).record();
  ASSERT_EQ(frame_of(records[1]).type, PacketType::kOutgoing);
  ASSERT_EQ(records[1].time, Instant(100ms));

  auto earlier = records;
  earlier[1].time -= 1ns;
  EXPECT_THAT(replay(earlier).difference,
              AllOf(HasSubstr("at record 2: the client does not send it then\n"),
                    HasSubstr("expected (capture): record 2 at 0.099999999 s: client sent #2"),
                    HasSubstr("actual (replay):    nothing; the next is at 0.100000000 s: >")));
  auto later = records;
  later[1].time += 1ns;
  EXPECT_THAT(replay(later).difference,
              AllOf(HasSubstr("at record 2: the client sends what the capture does not have then"),
                    HasSubstr("expected (capture): nothing; the next is record 2 at 0.100000001"),
                    HasSubstr("actual (replay):    at 0.100000000 s: > 192.0.2.2:9999, 7 bytes")));
  EXPECT_THAT(replay(records, 150ms).difference,
              HasSubstr("actual (replay):    nothing; the next is at 0.150000000 s: "));
  EXPECT_THAT(replay(records, 50ms).difference,
              HasSubstr("actual (replay):    at 0.050000000 s: "));
}

// What the capture lacks, the endpoint sends unexpectedly; at the end, too.
TEST_F(TwoSidedReplayTest, MissingRecordsAreNoticed) {
  const auto records = Conversation().record();
  ASSERT_EQ(records.size(), 12U);
  for (std::size_t n = 0; n < records.size(); ++n) {
    auto fewer = records;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(n));
    EXPECT_EQ(replay(fewer).status, ReplayStatus::kDiffers) << "without record " << n + 1;
  }
  auto shorter = records;
  shorter.resize(8);  // Sarah is not asked any more.
  const ReplayResult result = replay(shorter);
  EXPECT_THAT(result.difference,
              AllOf(HasSubstr("at record 9: the client sends what the capture does not have"),
                    HasSubstr("expected (capture): nothing\n"),
                    HasSubstr("actual (replay):    at 0.008000000 s: > 192.0.2.2:9999, 5 bytes "
                              "\"Sarah\"")));
}

// What the capture has too much, the endpoint does not send.
TEST_F(TwoSidedReplayTest, SuperfluousRecordsAreNoticed) {
  const auto records = Conversation().record();
  for (std::size_t n = 0; n < records.size(); ++n) {
    if (frame_of(records[n]).type != PacketType::kOutgoing) continue;
    auto more = records;
    more.insert(more.begin() + static_cast<std::ptrdiff_t>(n), records[n]);
    const ReplayResult result = replay(more);
    EXPECT_EQ(result.status, ReplayStatus::kDiffers) << "record " << n + 1 << " twice";
    EXPECT_THAT(result.difference, HasSubstr("does not send it then\n"));
  }
}

// What an endpoint has to send comes before what it receives next, be it at the same moment.
TEST_F(TwoSidedReplayTest, AnswerComesBeforeTheNextRequest) {
  const auto whole = Conversation().record();
  const std::vector<Record> records = {whole[0], whole[1], whole[1]};
  const ReplayResult result = replay_server_only(records);
  EXPECT_EQ(result.status, ReplayStatus::kDiffers);
  EXPECT_THAT(result.difference,
              HasSubstr("at record 3: the server sends what the capture does not have then\n"));
}

// A datagram to somebody else is a difference.
TEST_F(TwoSidedReplayTest, OtherDestinationIsShown) {
  auto records = Conversation().record();
  change(records[2], [](Frame& frame) { frame.destination = *Address::parse("192.0.2.9:1"); });
  const ReplayResult result = replay(records);
  EXPECT_THAT(result.difference, HasSubstr("record 3: the server sends to another address\n"));
}

// A file that bears our mark and yet is no recording cannot be tried.
TEST_F(TwoSidedReplayTest, DisorderIsNotTried) {
  auto records = Conversation().record();
  std::swap(records[3], records[8]);
  ReplayResult result = replay(records);
  EXPECT_EQ(result.status, ReplayStatus::kNotTried);
  EXPECT_THAT(result.reason, HasSubstr("record 5 goes back in time"));
  for (const auto& [interface, why] :
       {std::pair(0U, "record 4 bears the mark of a recording"),
        std::pair(3U, "record 4 is of the flow 2, and replay is for two hosts")}) {
    records = Conversation().record();
    change(records[3], [at = interface](Frame& frame) { frame.interface = at; });
    result = replay(records);
    EXPECT_EQ(result.status, ReplayStatus::kNotTried);
    EXPECT_THAT(result.reason, HasSubstr(why));
  }
}

// A recording that lost all of its interfaces, as a conversion to another link type makes it, is
// replayed as any capture, to the server.
TEST_F(TwoSidedReplayTest, WithoutInterfacesItIsACapture) {
  auto records = Conversation().record();
  for (Record& record : records) change(record, [](Frame& frame) { frame.interface = 0; });
  const ReplayResult result = replay(records);
  EXPECT_EQ(result.status, ReplayStatus::kHolds) << replay_text(result);
  EXPECT_FALSE(result.two_sided);
  EXPECT_EQ(result.received, 3U);
  EXPECT_EQ(result.sent, 3U);
}

// A bad checksum is taken when that is asked for: then only what the endpoints do differently
// counts.
TEST_F(TwoSidedReplayTest, BadChecksumsCanBeTaken) {
  auto records = Conversation().record();
  for (Record& record : records) record.frame[46] ^= std::byte{1};  // UDP's checksum.
  EXPECT_THAT(replay(records).difference, HasSubstr("(--bad-checksums takes it as it is)"));
  save(records, path_);
  Greeter client = conversation_.greeter();
  const ReplayResult result = replay_capture(path_, {.client = &client, .bad_checksums = true});
  EXPECT_EQ(result.status, ReplayStatus::kHolds) << replay_text(result);
}

// What a note says is under way when a recording ends is nothing that an endpoint must do.
TEST_F(TwoSidedReplayTest, NotesAreLeftOut) {
  auto records = Conversation().record();
  Memory memory;
  Recorder recorder;
  recorder.add(memory);
  recorder.note_in_flight({.time = records.back().time,
                           .number = 9,
                           .source = *Address::parse("192.0.2.1:40000"),
                           .destination = *Address::parse("192.0.2.2:9999"),
                           .payload = {}});
  records.push_back(memory.records.at(0));
  const ReplayResult result = replay(records);
  EXPECT_EQ(result.status, ReplayStatus::kHolds) << replay_text(result);
  EXPECT_EQ(result.skipped[static_cast<std::size_t>(SkipReason::kInFlight)], 1U);
}

// Frames of somebody else in between are counted, and change nothing.
TEST_F(TwoSidedReplayTest, OthersAreLeftOut) {
  auto records = Conversation().record();
  Record foreign = records[0];
  change(foreign, [](Frame& frame) { frame.link_address = {}; });
  records.insert(records.begin(), foreign);
  foreign.frame[29] = std::byte{6};  // TCP.
  records.push_back(foreign);
  const ReplayResult result = replay(records);
  EXPECT_EQ(result.status, ReplayStatus::kHolds) << replay_text(result);
  EXPECT_EQ(result.other, 1U);
  EXPECT_EQ(result.skipped[static_cast<std::size_t>(SkipReason::kNotUdp)], 1U);
  EXPECT_THAT(replay_text(result),
              HasSubstr("\nof 14 records: 1 skipped (not_udp 1), 1 of something else\n"));
}

// A recording in which nothing reached the server cannot be tried without the client.
TEST_F(TwoSidedReplayTest, NothingForTheServerIsNotTried) {
  Conversation lost(false, {"up1", "up2", "up3", "up4", "up5", "up6", "up7", "up8", "up9"});
  const auto records = lost.record();
  EXPECT_EQ(records.size(), 9U);
  EXPECT_EQ(replay(records).status, ReplayStatus::kHolds);
  const ReplayResult result = replay_server_only(records);
  EXPECT_EQ(result.status, ReplayStatus::kNotTried);
  EXPECT_THAT(result.reason,
              AllOf(StartsWith(path_ + ": no datagram in it "), Not(HasSubstr("\n"))));
}

// An endpoint that never stops is noticed.
class Restless final : public Endpoint {
 public:
  void handle_datagram(Instant, const Datagram&) override {}
  void handle_timeout(Instant) override {}
  std::optional<Transmit> poll_transmit(Instant, std::span<std::byte>) override { return {}; }
  std::optional<Instant> poll_timeout() const override { return Instant(); }
};

TEST_F(TwoSidedReplayTest, RestlessEndpointIsNoticed) {
  save(Conversation().record(), path_);
  Restless client;
  const ReplayResult result = replay_capture(path_, {.client = &client});
  EXPECT_NE(result.status, ReplayStatus::kHolds);
}

}  // namespace
}  // namespace lossy
