#include "harness/capture/replay.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <functional>
#include <set>

#include "core/greeter.hpp"
#include "core/random.hpp"
#include "core/server.hpp"
#include "harness/capture/files_for_test.hpp"
#include "harness/capture/pcap_writer.hpp"
#include "harness/capture/reader.hpp"
#include "harness/capture/recorder.hpp"

namespace lossy {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

struct Record {
  Instant time;
  std::vector<std::byte> frame;
};

Frame frame_of(const Record& record) {
  return std::get<Frame>(decode_frame(kLinkTypeLinuxSll2, record.frame, record.frame.size()));
}

// Keeps what is recorded, so that a test can change it before it is written.
class Memory final : public FrameSink {
 public:
  void write(Instant time, std::span<const std::byte> frame) override {
    records.push_back({time, {frame.begin(), frame.end()}});
  }
  void finish() override {}
  std::vector<Record> records;
};

void save(const std::vector<Record>& records, const std::string& path) {
  std::filesystem::remove(path);
  PcapWriter writer(path);
  for (const Record& record : records) writer.write(record.time, record.frame);
  writer.finish();
}

// Encodes the frame again after a change, with checksums that fit.
void change(Record& record, const std::function<void(Frame&)>& edit) {
  const Record before = record;
  Frame frame = frame_of(before);
  edit(frame);
  record.frame.resize(kFrameBytesMax);
  record.frame.resize(encode_frame(frame, record.frame));
}

// A client and a server, 2 ms from each other, whose datagrams get lost as `lost` says: "up2" is
// the second that the client sends. In real time everything happens `late`, and so it is marked.
class Conversation {
 public:
  explicit Conversation(bool v6 = false, std::set<std::string> lost = {}, Duration late = 0ns)
      : client_address_(*Address::parse(v6 ? "[2001:db8::1]:40000" : "192.0.2.1:40000")),
        server_address_(*Address::parse(v6 ? "[2001:db8::2]:9999" : "192.0.2.2:9999")),
        lost_(std::move(lost)),
        late_(late),
        recorder_(late > 0ns ? kClockMark : kRecordingMark) {}

  Greeter greeter(Duration initial_rto = 100ms) const {
    GreeterOptions options;
    options.client.server = server_address_;
    options.client.retry.initial_rto = initial_rto;
    options.client.retry.attempts_max = 3;
    return Greeter(options, Names({"Michael", "Tracy", "Sarah"}));
  }

  std::vector<Record> record() {
    Memory memory;
    recorder_.add(memory);
    Greeter client = greeter();
    Server server;
    while (!in_flight_.empty() || client.poll_timeout()) {
      const bool deliver =
          !in_flight_.empty() &&
          (!client.poll_timeout() || in_flight_.front().due <= *client.poll_timeout());
      if (deliver) {
        const InFlight copy = in_flight_.front();
        in_flight_.pop_front();
        now_ = std::max(now_, copy.due) + late_;
        see(copy.uplink ? RecordedHost::kServer : RecordedHost::kClient, PacketType::kIncoming,
            copy.uplink, copy.number, copy.payload);
        const Datagram datagram{copy.uplink ? client_address_ : server_address_, copy.payload};
        Endpoint& endpoint = copy.uplink ? static_cast<Endpoint&>(server) : client;
        endpoint.handle_datagram(now_, datagram);
      } else {
        now_ = std::max(now_, *client.poll_timeout()) + late_;
        client.handle_timeout(now_);
      }
      drain(client, true);
      drain(server, false);
    }
    return memory.records;
  }

 private:
  struct InFlight {
    Instant due;
    bool uplink = false;
    std::uint64_t number = 0;
    std::vector<std::byte> payload;
  };

  void drain(Endpoint& endpoint, bool uplink) {
    std::vector<std::byte> buffer(kPayloadBytesMax);
    while (const auto transmit = endpoint.poll_transmit(now_, buffer)) {
      const std::uint64_t number = ++sent_[uplink ? 1 : 0];
      const auto payload = std::span(buffer).first(transmit->size);
      see(uplink ? RecordedHost::kClient : RecordedHost::kServer, PacketType::kOutgoing, uplink,
          number, payload);
      if (lost_.contains((uplink ? "up" : "down") + std::to_string(number))) continue;
      in_flight_.push_back({now_ + 2ms, uplink, number, {payload.begin(), payload.end()}});
    }
  }

  void see(RecordedHost host, PacketType type, bool uplink, std::uint64_t number,
           std::span<const std::byte> payload) {
    recorder_.record({now_, host, type, number, uplink ? client_address_ : server_address_,
                      uplink ? server_address_ : client_address_, payload});
  }

  Address client_address_;
  Address server_address_;
  std::set<std::string> lost_;
  Duration late_;
  Recorder recorder_;
  std::deque<InFlight> in_flight_;
  std::uint64_t sent_[2] = {};
  Instant now_{};
};

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
  for (const std::uint32_t interface : {0U, 3U}) {
    records = Conversation().record();
    change(records[3], [&](Frame& frame) { frame.interface = interface; });
    result = replay(records);
    EXPECT_EQ(result.status, ReplayStatus::kNotTried);
    EXPECT_THAT(result.reason, HasSubstr("record 4 bears the mark of a recording"));
  }
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

// A capture as tcpdump takes it: one side, no mark.
class OneSidedReplayTest : public testing::Test {
 protected:
  void see(const std::string& client, bool request, std::string_view payload,
           PacketType type = PacketType::kIncoming, std::uint32_t interface = 1) {
    const Address server =
        *Address::parse(client.front() == '[' ? "[2001:db8::9]:9999" : "192.0.2.9:9999");
    Frame frame;
    frame.source = request ? *Address::parse(client) : server;
    frame.destination = request ? server : *Address::parse(client);
    frame.payload = as_bytes(payload);
    frame.type = type;
    frame.interface = interface;
    Record record{Instant(1'700'000'000s) + std::chrono::milliseconds(records_.size()), {}};
    record.frame.resize(kFrameBytesMax);
    record.frame.resize(encode_frame(frame, record.frame));
    records_.push_back(record);
  }
  void ask(const std::string& client, std::string_view name) { see(client, true, name); }
  void answer(const std::string& client, std::string_view text) { see(client, false, text); }

  ReplayResult replay(std::uint16_t port = 9999) {
    save(records_, path_);
    return replay_capture(path_, {.server_port = port});
  }

  TemporaryFolder folder_;
  std::string path_ = folder_ / "a.pcap";
  std::vector<Record> records_;
  const std::string alice_ = "192.0.2.1:1000";
  const std::string bob_ = "192.0.2.1:2000";
  const std::string eve_ = "[2001:db8::1]:3000";
};

// The answers of each flow come in order; the flows, and the times, mix as they like.
TEST_F(OneSidedReplayTest, FlowsHoldOnTheirOwn) {
  ask(alice_, "a1");
  ask(bob_, "b1");
  ask(alice_, "a2");
  ask(eve_, "e1");
  answer(eve_, "Hello, e1!");
  answer(bob_, "Hello, b1!");
  answer(alice_, "Hello, a1!");
  answer(alice_, "Hello, a2!");
  const ReplayResult result = replay();
  EXPECT_EQ(result.status, ReplayStatus::kHolds) << replay_text(result);
  EXPECT_FALSE(result.two_sided);
  EXPECT_EQ(result.flows, 3U);
  EXPECT_EQ(result.received, 4U);
  EXPECT_EQ(result.sent, 4U);
  EXPECT_EQ(replay_text(result),
            path_ + ": holds: the server received 4 datagrams and sent 4 as recorded, 3 flows\n");
}

// What the server is silent on is not answered, and an answer to it is a difference.
TEST_F(OneSidedReplayTest, SilenceHolds) {
  ask(alice_, "");
  ask(alice_, "\xFF");
  EXPECT_EQ(replay().status, ReplayStatus::kHolds);
  answer(alice_, "Hello, \xFF!");
  const ReplayResult result = replay();
  EXPECT_EQ(result.status, ReplayStatus::kDiffers);
  EXPECT_THAT(result.difference,
              AllOf(HasSubstr("at record 3: the capture has an answer that the server does not"),
                    HasSubstr("record 2 at 1700000000.001000000 s: incoming 192.0.2.1:1000 >"),
                    HasSubstr("1 byte \"\\xff\"\n"), HasSubstr("actual (replay):    nothing\n")));
}

// A byte that differs is shown beside the server's own, with the request before it.
TEST_F(OneSidedReplayTest, OtherBytesAreShown) {
  ask(bob_, "b1");
  ask(alice_, "Michael");
  answer(alice_, "Hello, Mjchael!");
  answer(bob_, "Hello, b1!");
  const ReplayResult result = replay();
  EXPECT_EQ(result.status, ReplayStatus::kDiffers);
  EXPECT_THAT(result.difference,
              AllOf(HasSubstr("at record 3: the server answers record 2 with other bytes\n"),
                    HasSubstr("flow: client 192.0.2.1:1000, server 192.0.2.9:9999\n"),
                    HasSubstr("7 bytes \"Michael\"\n"), Not(HasSubstr("\"b1\"")),
                    HasSubstr("first difference at offset 8: expected 6a 'j', actual 69 'i'\n")));
}

// A request without an answer is a difference: at the end, and when a later one is answered.
TEST_F(OneSidedReplayTest, MissingAnswerIsNoticed) {
  ask(alice_, "a1");
  ask(alice_, "a2");
  EXPECT_THAT(replay().difference,
              HasSubstr("at record 2: the server answers record 1, but the capture has no answer"));
  answer(alice_, "Hello, a2!");
  EXPECT_THAT(replay().difference, HasSubstr("at record 3: the capture lacks the answer to "
                                             "record 1, or has it later\n"));
}

// An answer to nobody's request is a difference.
TEST_F(OneSidedReplayTest, UnaskedAnswerIsNoticed) {
  ask(alice_, "a1");
  answer(alice_, "Hello, a1!");
  answer(alice_, "Hello, a1!");
  EXPECT_THAT(replay().difference,
              HasSubstr("at record 3: the capture has an answer that the server does not give\n"));
}

// A capture of all interfaces shows datagrams more than once; each counts once.
TEST_F(OneSidedReplayTest, DatagramsSeenTwiceCountOnce) {
  for (const std::string_view name : {"a1", "a2"}) {
    see(alice_, true, name, PacketType::kOutgoing);
    see(alice_, true, name, PacketType::kIncoming);
    const std::string text = "Hello, " + std::string(name) + "!";
    see(alice_, false, text, PacketType::kOutgoing);
    see(alice_, false, text, PacketType::kIncoming);
  }
  ReplayResult result = replay();
  EXPECT_EQ(result.status, ReplayStatus::kHolds) << replay_text(result);
  EXPECT_EQ(result.received, 2U);
  EXPECT_EQ(result.repeated, 4U);
  EXPECT_THAT(replay_text(result), HasSubstr("of 8 records: 4 seen a second time\n"));

  // The same at a second interface, and as a host in between sees it: leaving, then coming.
  for (const std::string_view name : {"a1", "a2"}) {
    see(alice_, true, name, PacketType::kOutgoing, 2);
    see(alice_, false, "Hello, " + std::string(name) + "!", PacketType::kIncoming, 2);
  }
  result = replay();
  EXPECT_EQ(result.status, ReplayStatus::kHolds) << replay_text(result);
  EXPECT_EQ(result.flows, 2U);
  EXPECT_EQ(result.received, 4U);
}

// Who asks first is the client, also when its port is the server's.
TEST_F(OneSidedReplayTest, ClientMayHaveTheServersPort) {
  ask("192.0.2.1:9999", "a1");
  answer("192.0.2.1:9999", "Hello, a1!");
  EXPECT_EQ(replay().status, ReplayStatus::kHolds);
}

// A request whose checksum is wrong never reaches a server.
TEST_F(OneSidedReplayTest, BadChecksumIsNotReceived) {
  ask(alice_, "a1");
  answer(alice_, "Hello, a1!");
  ask(alice_, "a2");
  records_.back().frame.back() = std::byte{'9'};
  const ReplayResult result = replay();
  EXPECT_EQ(result.status, ReplayStatus::kHolds) << replay_text(result);
  EXPECT_EQ(result.bad_checksum, 1U);
  EXPECT_EQ(result.received, 1U);
}

// Where nothing is for the port, nothing was tried, whatever else is there.
TEST_F(OneSidedReplayTest, OtherPortIsNotTried) {
  ask(alice_, "a1");
  answer(alice_, "Hello, a1!");
  const ReplayResult result = replay(9998);
  EXPECT_EQ(result.status, ReplayStatus::kNotTried);
  EXPECT_EQ(result.other, 2U);
  EXPECT_EQ(replay_text(result),
            path_ +
                ": no datagram to port 9998 in it could be checked (of 2 records: 2 of "
                "something else)\n");
  records_.clear();
  EXPECT_EQ(replay_text(replay()),
            path_ + ": no datagram to port 9999 in it could be checked (0 records)\n");
}

// Answers that are due without end are a difference, and no memory without end.
TEST_F(OneSidedReplayTest, AnswersDueAreBounded) {
  for (int i = 0; i < 70'000; ++i) ask(alice_, "a");
  const ReplayResult result = replay();
  EXPECT_EQ(result.status, ReplayStatus::kDiffers);
  EXPECT_THAT(result.difference, HasSubstr("the server answers record 1, but the capture has no"));
  EXPECT_LT(result.received, 70'000U);
}

// A recording of a proxy between clients and a server, in real time.
class ProxiedReplayTest : public testing::Test {
 protected:
  ProxiedReplayTest() { recorder_.add(memory_); }

  // The server receives a name or sends a greeting; the proxy asks it from `port`.
  void ask(std::uint64_t flow, std::string_view name, std::uint16_t port = 0) {
    see(flow, RecordedHost::kServer, PacketType::kIncoming, name, port);
  }
  void answer(std::uint64_t flow, std::string_view text, std::uint16_t port = 0) {
    see(flow, RecordedHost::kServer, PacketType::kOutgoing, text, port);
  }
  // What the client sends and receives is of no consequence.
  void client_sends(std::uint64_t flow, std::string_view text) {
    see(flow, RecordedHost::kClient, PacketType::kOutgoing, text, 0);
  }
  void client_receives(std::uint64_t flow, std::string_view text) {
    see(flow, RecordedHost::kClient, PacketType::kIncoming, text, 0);
  }
  void wait(Duration time) { now_ += time; }

  ReplayResult replay(Endpoint* client = nullptr) {
    save(memory_.records, path_);
    return replay_capture(path_, {.client = client, .server_port = 1});
  }

  Memory memory_;

 private:
  void see(std::uint64_t flow, RecordedHost host, PacketType type, std::string_view payload,
           std::uint16_t port) {
    const bool at_client = host == RecordedHost::kClient;
    const bool up = at_client == (type == PacketType::kOutgoing);
    const auto own_port = static_cast<std::uint16_t>(port != 0 ? port : 50000 + flow);
    const Address near = at_client
                             ? Address::v4({192, 0, 2, 1}, static_cast<std::uint16_t>(40000 + flow))
                             : Address::v4({192, 0, 2, 3}, own_port);
    const Address far = *Address::parse(at_client ? "192.0.2.3:9998" : "192.0.2.9:7777");
    recorder_.record(
        {now_, host, type, ++number_, up ? near : far, up ? far : near, as_bytes(payload), flow});
    now_ += 145us;
  }

  TemporaryFolder folder_;
  std::string path_ = folder_ / "a.pcap";
  Recorder recorder_{kProxyMark};
  Instant now_{1'700'000'000s};
  std::uint64_t number_ = 0;
};

// The server answers later, and behind whatever else happens; each flow has its own order.
TEST_F(ProxiedReplayTest, AnswersHoldWhateverComesBetween) {
  client_sends(1, "a1");
  client_sends(1, "lost");
  ask(1, "a1");
  client_sends(2, "b1");
  ask(2, "b1");
  ask(1, "a2");
  client_sends(1, "\xFF");
  answer(2, "Hello, b1!");
  answer(1, "Hello, a1!");
  wait(5s);
  client_receives(2, "another name");  // As the downlink's corruption has it.
  answer(1, "Hello, a2!");
  Greeter nobody = Conversation().greeter();
  const ReplayResult result = replay(&nobody);
  EXPECT_EQ(result.status, ReplayStatus::kHolds) << replay_text(result);
  EXPECT_TRUE(result.two_sided);
  EXPECT_TRUE(result.proxied);
  EXPECT_FALSE(result.client_checked);
  EXPECT_EQ(result.flows, 2U);
  EXPECT_EQ(result.received, 3U);
  EXPECT_EQ(result.sent, 3U);
  EXPECT_EQ(result.cut_off, 0U);
  EXPECT_THAT(replay_text(result),
              AllOf(HasSubstr("the server received 3 datagrams and sent 3 as recorded, 2 flows\n"),
                    HasSubstr("only the server was checked: what the client did depends on")));
}

// What the server does otherwise is shown, with what led up to it.
TEST_F(ProxiedReplayTest, OtherBytesAreShown) {
  ask(2, "Michael");
  answer(2, "Hello, Mjchael!");
  const ReplayResult result = replay();
  EXPECT_EQ(result.status, ReplayStatus::kDiffers);
  EXPECT_THAT(result.difference,
              AllOf(HasSubstr("at record 2: the server answers record 1 with other bytes\n"),
                    HasSubstr("flow: client 192.0.2.3:50002, server 192.0.2.9:7777\n"),
                    HasSubstr("server of flow 2 received #1 192.0.2.3:50002 > "),
                    HasSubstr("first difference at offset 8: expected 6a 'j', actual 69 'i'\n")));
}

// An answer to nothing and an answer too few are differences.
TEST_F(ProxiedReplayTest, SuperfluousAndMissingAnswersAreNoticed) {
  ask(1, "a1");
  answer(1, "Hello, a1!");
  answer(1, "Hello, a1!");
  EXPECT_THAT(replay().difference,
              HasSubstr("record 3: the capture has an answer that the server"));
  memory_.records.pop_back();
  ask(1, "a2");
  ask(1, "a3");
  answer(1, "Hello, a3!");
  EXPECT_THAT(replay().difference, HasSubstr("record 5: the capture lacks the answer to record 3"));
}

// What the server was asked in the last second of a flow may be answered when nobody records it any
// more, which is said; what it was asked before that had its time.
TEST_F(ProxiedReplayTest, FlowsMayEndBeforeTheirLastAnswers) {
  ask(1, "a1");
  answer(1, "Hello, a1!");
  ask(1, "a2");
  wait(999ms);
  ask(1, "a2");
  const ReplayResult result = replay();
  EXPECT_EQ(result.status, ReplayStatus::kHolds) << replay_text(result);
  EXPECT_EQ(result.cut_off, 2U);
  EXPECT_THAT(replay_text(result), HasSubstr("\n2 answers not looked for: the flow ended within "));
  wait(1ms);
  ask(1, "a2");
  EXPECT_THAT(replay().difference,
              HasSubstr("the server answers record 3, but the capture has no"));
}

// A change of the proxy's port ends what the server sees as a flow.
TEST_F(ProxiedReplayTest, PortsMayChange) {
  ask(1, "a1", 50000);
  answer(1, "Hello, a1!", 50000);
  ask(1, "a2", 50000);
  ask(1, "a3", 50001);
  wait(5s);
  answer(1, "Hello, a3!", 50001);
  EXPECT_EQ(replay().status, ReplayStatus::kHolds);
  EXPECT_EQ(replay().cut_off, 1U);
}

// A server that never answers is none, however short the recording.
TEST_F(ProxiedReplayTest, DeadServerIsNoticed) {
  ask(1, "a1");
  EXPECT_THAT(replay().difference,
              HasSubstr("the server answers record 1, but the capture has no"));
}

// Where nothing reached the server nothing was tried; what is of no host or no flow is no
// recording.
TEST_F(ProxiedReplayTest, NothingForTheServerIsNotTried) {
  client_sends(1, "a1");
  EXPECT_THAT(replay().reason, HasSubstr("no datagram in it was received or sent by an endpoint"));
  change(memory_.records[0], [](Frame& frame) { frame.interface = 0; });
  EXPECT_THAT(replay().reason, HasSubstr("record 1 bears the mark of a recording"));
}

// Frames of somebody else in between are counted, and change nothing.
TEST_F(ProxiedReplayTest, OthersAreLeftOut) {
  ask(1, "a1");
  answer(1, "Hello, a1!");
  memory_.records.insert(memory_.records.begin(), memory_.records[0]);
  change(memory_.records[0], [](Frame& frame) {
    frame.link_address = {};
    frame.destination = *Address::parse("192.0.2.9:1");  // The port of anybody's server.
  });
  const ReplayResult result = replay();
  EXPECT_EQ(result.status, ReplayStatus::kHolds) << replay_text(result);
  EXPECT_EQ(result.other, 1U);
}

// Whatever a file holds, it is replayed or refused, and nothing is thrown.
TEST(ReplayTest, HostileFilesAreNoTrouble) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.pcap";
  save(Conversation(false, {"up1", "down2"}).record(), path);
  const std::string ours = read_file(path);
  const auto with_mark = [&ours](std::string_view mark) {
    std::string bytes = ours;
    for (std::size_t at = 0; (at = bytes.find("lossy", at)) != std::string::npos;) {
      bytes.replace(at, mark.size(), mark);
    }
    return bytes;
  };
  // Without the mark, it is anybody's.
  const std::array files = {ours, with_mark("xossy"), with_mark("proxy")};
  std::array<int, 3> seen{};
  for (std::uint64_t round = 0; round < 3000; ++round) {
    const RandomStream random = RandomStream(3).stream(round);
    std::string bytes = files.at(round % files.size());
    for (std::uint64_t n = 1; n <= 1 + random.at(0) % 4; ++n) {
      bytes[uniform_below(random.at(2 * n), bytes.size())] =
          static_cast<char>(random.at(2 * n + 1) & 0xFF);
    }
    if (random.at(100) % 8 == 0) bytes.resize(uniform_below(random.at(101), bytes.size()));
    write_file(path, bytes);
    Greeter client = Conversation().greeter();
    const ReplayResult result = replay_capture(path, {.client = &client});
    ++seen.at(static_cast<std::size_t>(result.status));
    EXPECT_FALSE(replay_text(result).empty());
  }
  EXPECT_THAT(seen, testing::Each(testing::Gt(50)));
}

// What cannot be read is not tried, for the reason in one line; a cut file is no shorter capture.
TEST(ReplayTest, UnreadableIsNotTried) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.pcap";
  const auto reason = [](const std::string& file) {
    const ReplayResult result = replay_capture(file);
    EXPECT_EQ(result.status, ReplayStatus::kNotTried);
    EXPECT_THAT(result.reason, Not(HasSubstr("\n")));
    return result.reason;
  };
  EXPECT_EQ(reason(path), path + ": No such file or directory");
  EXPECT_THAT(reason(folder / "."), HasSubstr("is a directory"));
  EXPECT_THAT(reason("/dev/zero"), HasSubstr("is not a regular file"));
  write_file(path, "");
  EXPECT_THAT(reason(path), HasSubstr("is empty"));
  write_file(path, "no capture at all, is it?");
  EXPECT_THAT(reason(path), HasSubstr("is not a capture"));
  save(Conversation().record(), path);
  const std::string whole = read_file(path);
  write_file(path, whole.substr(0, whole.size() - 1));
  EXPECT_THAT(reason(path), HasSubstr("is damaged behind record 11"));
}

}  // namespace
}  // namespace lossy
