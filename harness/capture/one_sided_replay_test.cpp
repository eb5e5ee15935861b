#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lossy/harness/capture/frame_for_test.hpp>
#include <lossy/harness/capture/replay_for_test.hpp>

namespace lossy {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

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
  ask(alice_, "a");
  answer(alice_, "Hello, a!");
  ask(alice_, "");
  ask(alice_, "\xFF");
  EXPECT_EQ(replay().status, ReplayStatus::kHolds);
  answer(alice_, "Hello, \xFF!");
  const ReplayResult result = replay();
  EXPECT_EQ(result.status, ReplayStatus::kDiffers);
  EXPECT_THAT(result.difference,
              AllOf(HasSubstr("at record 5: the capture has an answer that the server does not"),
                    HasSubstr("record 4 at 1700000000.003000000 s: incoming 192.0.2.1:1000 >"),
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

  // A second interface shows nothing new.
  for (const std::string_view name : {"a1", "a2"}) {
    see(alice_, true, name, PacketType::kOutgoing, 2);
    see(alice_, false, "Hello, " + std::string(name) + "!", PacketType::kIncoming, 2);
  }
  result = replay();
  EXPECT_EQ(result.status, ReplayStatus::kHolds) << replay_text(result);
  EXPECT_EQ(result.flows, 1U);
  EXPECT_EQ(result.received, 2U);
  EXPECT_EQ(result.repeated, 8U);
}

// A capture may begin between a request and its answer: that tells nothing of the server.
TEST_F(OneSidedReplayTest, CaptureThatBeginsWithAnAnswer) {
  answer(alice_, "Hello, a0!");
  EXPECT_EQ(replay().status, ReplayStatus::kNotTried);
  ask(alice_, "a1");
  answer(alice_, "Hello, a1!");
  const ReplayResult result = replay();
  EXPECT_EQ(result.status, ReplayStatus::kHolds) << replay_text(result);
  EXPECT_EQ(result.unasked, 1U);
  EXPECT_THAT(replay_text(result), HasSubstr("of 3 records: 1 answer in front of any request\n"));
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

// Unless it is asked for: in files whose addresses were changed no checksum fits any more.
TEST_F(OneSidedReplayTest, BadChecksumsCanBeTaken) {
  ask(alice_, "a1");
  records_.back().frame[46] ^= std::byte{1};  // UDP's checksum.
  answer(alice_, "Hello, a1!");
  records_.back().frame[31] ^= std::byte{1};  // IP's.
  EXPECT_THAT(replay_text(replay()), HasSubstr("does not give"));
  const ReplayResult result = replay_capture(path_, {.bad_checksums = true});
  EXPECT_EQ(result.status, ReplayStatus::kHolds) << replay_text(result);
  EXPECT_EQ(result.received, 1U);
  EXPECT_EQ(result.bad_checksum, 0U);
  records_.pop_back();
  EXPECT_THAT(replay_text(replay()),
              HasSubstr("1 with a bad checksum (--bad-checksums takes them)"));
}

// Of what carries packets itself those are replayed when it is asked for.
TEST_F(OneSidedReplayTest, WhatIsInside) {
  const auto carry = [&](const std::string& packet) {
    Frame frame;
    frame.source = *Address::parse("192.0.2.1:50000");
    frame.destination = *Address::parse("192.0.2.2:2152");
    const TestBytes payload =
        from_hex("30ff" + hex16(from_hex(packet).size()) + "00000001" + packet);
    frame.payload = payload;
    Record record{Instant(1'700'000'000s), {}};
    record.frame.resize(kFrameBytesMax);
    record.frame.resize(encode_frame(frame, record.frame));
    records_.push_back(record);
  };
  carry(kMichael4);
  carry(ipv4_of(17, "270f c502 0017 0000" + to_hex(as_bytes("Hello, Michael!"))));
  EXPECT_EQ(replay().status, ReplayStatus::kNotTried);
  ReplayResult result = replay_capture(path_, {.inner = true});
  EXPECT_EQ(result.status, ReplayStatus::kDiffers) << "it comes from elsewhere";
  records_.pop_back();
  std::string answer = ipv4_of(17, "270f c502 0017 0000" + to_hex(as_bytes("Hello, Michael!")));
  answer.replace(24, 16, "7f0000017f000001");
  answer.replace(20, 4, "0000");  // No checksum.
  carry(answer);
  save(records_, path_);
  result = replay_capture(path_, {.inner = true});
  EXPECT_EQ(result.status, ReplayStatus::kHolds) << replay_text(result);
  EXPECT_EQ(result.received, 1U);
  EXPECT_EQ(result.sent, 1U);
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
                "something else): --port says where the server listens, --protocol=NAME what it "
                "speaks, --against=HOST:PORT asks "
                "a server of its protocol\n");
  records_.clear();
  EXPECT_EQ(replay_text(replay()),
            path_ + ": no datagram to port 9999 in it could be checked (0 records)\n");
}

// In another protocol's capture nothing differs: nothing of it can be tried.
TEST_F(OneSidedReplayTest, OtherProtocolsAreNotTried) {
  ask(alice_, "ask");  // A name, as any short text is.
  answer(alice_, "ok");
  ask(alice_, "Michael");
  EXPECT_EQ(replay().status, ReplayStatus::kNotTried);
  EXPECT_EQ(replay_text(replay()),
            path_ +
                ": no answer in it is a greeting, so that lossy's own server says nothing: "
                "--against=HOST:PORT asks a server of its protocol\n");
  // One that is, is enough: what else is answered differs.
  answer(alice_, "Hello, Michael!");
  EXPECT_EQ(replay().status, ReplayStatus::kDiffers);
  records_.clear();
  ask(alice_, "\xFF\x01");
  ask(alice_, "");
  EXPECT_EQ(replay().status, ReplayStatus::kNotTried);
  EXPECT_THAT(replay_text(replay()), HasSubstr("no request in it is a name to greet, so that"));
}

// Answers that are due without end are a difference, and no memory without end.
TEST_F(OneSidedReplayTest, AnswersDueAreBounded) {
  for (int i = 0; i < 70'000; ++i) ask(alice_, "a");
  const ReplayResult result = replay();
  EXPECT_EQ(result.status, ReplayStatus::kDiffers);
  EXPECT_THAT(result.difference, HasSubstr("the server answers record 1, but the capture has no"));
  EXPECT_LT(result.received, 70'000U);
}

}  // namespace
}  // namespace lossy
