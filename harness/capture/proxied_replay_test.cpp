#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lossy/harness/capture/replay_for_test.hpp>

namespace lossy {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// A recording of a proxy between clients and a server, in real time.
class ProxiedReplayTest : public testing::Test {
 protected:
  ProxiedReplayTest() { recorder_.add(memory_); }

  // The server receives a name or sends a greeting; the proxy asks it from `port`.
  void ask(std::uint64_t flow, std::string_view name, std::uint16_t port = 0) {
    see(flow, RecordedHost::kServer, PacketType::kIncoming, name, port);
  }
  // The network's duplicate of what was seen last.
  void ask_once_more(std::uint64_t flow, std::string_view name) {
    --number_;
    ask(flow, name);
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

// Copies that the path made came to the server, each for itself.
TEST_F(ProxiedReplayTest, CopiesCameTwice) {
  ask(1, "a1");
  ask_once_more(1, "a1");
  answer(1, "Hello, a1!");
  answer(1, "Hello, a1!");
  const ReplayResult result = replay();
  EXPECT_EQ(result.status, ReplayStatus::kHolds) << replay_text(result);
  EXPECT_EQ(result.received, 2U);
}

// An answer to nothing and an answer too few are differences.
TEST_F(ProxiedReplayTest, SuperfluousAndMissingAnswersAreNoticed) {
  ask(1, "a1");
  answer(1, "Hello, a1!");
  answer(1, "Hello, a1!");
  EXPECT_THAT(replay().difference,
              HasSubstr("record 3: the capture has an answer that the server"));
  memory_.records.pop_back();
  answer(2, "Hello, b1!");  // A proxy sees all of a flow: nobody asked before.
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

// A proxy carries any protocol.
TEST_F(ProxiedReplayTest, OtherProtocolsAreNotTried) {
  ask(1, "ask");
  answer(1, "ok");
  EXPECT_EQ(replay().status, ReplayStatus::kNotTried);
  EXPECT_THAT(replay().reason, HasSubstr("no answer in it is a greeting, so that lossy's own"));
}

// Where nothing reached the server nothing was tried; what is of no host is no recording, and of
// some hosts only it is a broken one.
TEST_F(ProxiedReplayTest, NothingForTheServerIsNotTried) {
  client_sends(1, "a1");
  EXPECT_THAT(replay().reason, HasSubstr("no datagram in it was received or sent by an endpoint"));
  change(memory_.records[0], [](Frame& frame) { frame.interface = 0; });
  EXPECT_THAT(replay().reason, HasSubstr("no datagram to port "));
  client_sends(1, "a2");
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

}  // namespace
}  // namespace lossy
