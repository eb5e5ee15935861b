#include <lossy/harness/capture/path_log.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <lossy/harness/capture/inspected_for_test.hpp>

namespace lossy {
namespace {

// Logs what a recording of ours shows.
class Logged final : public FrameSink {
 public:
  void write(Instant time, std::span<const std::byte> bytes) override {
    const CaptureRecord record{.number = ++records_,
                               .time = time,
                               .frame = bytes,
                               .original_bytes = bytes.size(),
                               .link_type = kLinkTypeLinuxSll2};
    const Decoded decoded = inspector_.decode(record);
    if (const auto sight = inspector_.add(record, decoded)) log.add(time, *sight);
  }
  void finish() override {}

  PathLog log;

 private:
  Inspector inspector_;
  std::uint64_t records_ = 0;
};

class PathLogTest : public testing::Test {
 protected:
  PathLogTest() { recorder.add(sink); }

  Sighting sighting(std::uint64_t number, Duration at, bool uplink, bool sent,
                    const std::string& payload) {
    return {.time = Instant(at),
            .host = uplink == sent ? RecordedHost::kClient : RecordedHost::kServer,
            .type = sent ? PacketType::kOutgoing : PacketType::kIncoming,
            .number = number,
            .source = uplink ? kClient : kServer,
            .destination = uplink ? kServer : kClient,
            .payload = std::as_bytes(std::span(payload)),
            .flow = 1};
  }
  void sent(std::uint64_t number, Duration at, const std::string& payload = "hello") {
    recorder.record(sighting(number, at, true, true, payload));
  }
  void arrived(std::uint64_t number, Duration at, const std::string& payload = "hello") {
    recorder.record(sighting(number, at, true, false, payload));
  }
  LoggedFlow uplink() {
    const auto paths = sink.log.take();
    EXPECT_EQ(paths[0].flows.size(), 1U);
    return paths[0].flows.empty() ? LoggedFlow{} : paths[0].flows[0];
  }

  Logged sink;
  Recorder recorder;
};

// What was sent, in the order of sending; what came of each, with all of its copies.
TEST_F(PathLogTest, JoinsWhatWasSentAndWhatArrived) {
  sent(1, 0ms);
  sent(2, 1ms, "a longer one");
  sent(3, 2ms);
  arrived(3, 20ms);
  arrived(1, 25ms);
  arrived(3, 26ms);
  arrived(9, 27ms);
  const LoggedFlow flow = uplink();
  ASSERT_EQ(flow.datagrams.size(), 3U);
  EXPECT_EQ(flow.datagrams[0].delay, 25ms);
  EXPECT_EQ(flow.datagrams[0].ip_bytes(), 33U);
  EXPECT_TRUE(flow.datagrams[1].lost());
  EXPECT_EQ(flow.datagrams[1].ip_bytes(), 40U);
  EXPECT_EQ(flow.datagrams[2].arrivals, 2);
  EXPECT_EQ(flow.datagrams[2].delay, 18ms);
  ASSERT_EQ(flow.copies.size(), 1U);
  EXPECT_EQ(flow.copies[0].datagram, 2U);
  EXPECT_EQ(flow.copies[0].delay, 24ms);
  EXPECT_EQ(flow.unmatched, 1U);
}

// Each direction has its own.
TEST_F(PathLogTest, PartsDirections) {
  recorder.record(sighting(1, 0ms, true, true, "up"));
  recorder.record(sighting(1, 1ms, false, true, "down"));
  recorder.record(sighting(1, 2ms, false, false, "down"));
  const auto paths = sink.log.take();
  EXPECT_TRUE(paths[0].flows.at(0).datagrams.at(0).lost());
  EXPECT_EQ(paths[1].flows.at(0).datagrams.at(0).delay, 1ms);
}

// The recording has 16 bits for a number, which a long run uses again.
TEST_F(PathLogTest, FollowsNumbersThatComeAgain) {
  constexpr std::uint64_t kSent = 150'000;
  for (std::uint64_t n = 1; n <= kSent; ++n) {
    sent(n, n * 1ms);
    if (n > 1000) arrived(n - 1000, n * 1ms + 1us);
  }
  const LoggedFlow flow = uplink();
  ASSERT_EQ(flow.datagrams.size(), kSent);
  for (std::uint64_t n = 1; n <= kSent; ++n) {
    const LoggedDatagram& datagram = flow.datagrams[n - 1];
    ASSERT_EQ(datagram.arrivals, n + 1000 <= kSent ? 1 : 0) << n;
    if (datagram.arrivals > 0) {
      ASSERT_EQ(datagram.delay, 1000ms + 1us) << n;
    }
  }
  EXPECT_EQ(flow.unmatched, 0U);
}

// What is noted to be under way at the end is neither lost nor arrived, unless a copy has.
TEST_F(PathLogTest, WhatIsUnderWayIsUnknown) {
  sent(1, 0ms);
  sent(2, 1ms);
  sent(3, 2ms);
  arrived(2, 3ms);
  recorder.note_in_flight(sighting(1, 0ms, true, true, "hello"));
  recorder.note_in_flight(sighting(2, 1ms, true, true, "hello"));
  const LoggedFlow flow = uplink();
  EXPECT_TRUE(flow.datagrams.at(0).unknown);
  EXPECT_FALSE(flow.datagrams[0].lost());
  EXPECT_TRUE(flow.datagrams[1].arrived());
  EXPECT_TRUE(flow.datagrams[2].lost());
}

// Flipped bits are counted, and what is cut off is told apart from that.
TEST_F(PathLogTest, SeesDamage) {
  sent(1, 0ms, "hello");
  sent(2, 0ms, "hello");
  sent(3, 0ms, "hello");
  sent(4, 0ms, "");
  arrived(1, 1ms, "hello");
  arrived(2, 1ms, "hdllm");  // e and o differ by one bit each.
  arrived(3, 1ms, "hel");
  arrived(4, 1ms, "");
  const LoggedDamage damage = uplink().damage;
  EXPECT_EQ(damage.copies, 3U);
  EXPECT_EQ(damage.cut, 1U);
  EXPECT_EQ(damage.flipped, 1U);
  EXPECT_EQ(damage.flips[2], 1U);
}

// A payload is kept until as much has followed as there is room for; what is damaged later is seen,
// and its bits are not counted.
TEST(PayloadTail, ForgetsTheOldest) {
  PayloadTail tail;
  std::vector<std::byte> payload(1000, std::byte{1});
  LoggedDatagram first;
  first.payload_bytes = 1000;
  first.content = digest_of(payload);
  first.payload_at = tail.keep(payload);
  std::vector<std::byte> damaged = payload;
  damaged[500] ^= std::byte{0x81};
  EXPECT_EQ(tail.flips(first, damaged), 2U);
  std::vector<std::byte> other(1000, std::byte{2});
  for (std::size_t kept = 1000; kept <= PayloadTail::kBytes; kept += 1000) tail.keep(other);
  EXPECT_EQ(tail.flips(first, damaged), 0U);
}

// A capture of one host shows no path.
TEST(PathLog, PassesOverWhatOneHostSaw) {
  PathLog log;
  const std::string hello = "hello";
  const Frame frame{
      .source = kClient, .destination = kServer, .payload = std::as_bytes(std::span(hello))};
  log.add(Instant(), {.frame = &frame, .flow = 1});
  EXPECT_TRUE(log.take()[0].flows.empty());
}

}  // namespace
}  // namespace lossy
