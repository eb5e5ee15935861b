#include <lossy/harness/report/inspect_trace.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdio.h>
#include <stdlib.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <lossy/harness/capture/recorder.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const Address kClient = *Address::parse("192.0.2.1:40000");
const Address kServer = *Address::parse("192.0.2.2:9999");

// The ladder of frames of LINUX_SLL2 as they come.
class Traced final : public FrameSink {
 public:
  explicit Traced(bool hex = false) : trace_(out_, hex) { recorder.add(*this); }
  ~Traced() override {
    fclose(out_);
    free(text_);
  }
  Traced(const Traced&) = delete;
  Traced& operator=(const Traced&) = delete;

  void write(Instant time, std::span<const std::byte> bytes) override {
    const CaptureRecord record{++records_, time, bytes, bytes.size(), kLinkTypeLinuxSll2};
    const auto decoded = inspector_.decode(record);
    trace_.print(record, *inspector_.add(record, decoded));
  }
  void finish() override { trace_.finish(); }

  // A datagram of a recording of both hosts, as it leaves or arrives.
  void see(bool uplink, PacketType type, std::uint64_t number, Duration at,
           std::string_view payload = "Tracy") {
    recorder.record({.time = Instant(at),
                     .host = uplink == (type == PacketType::kOutgoing) ? RecordedHost::kClient
                                                                       : RecordedHost::kServer,
                     .type = type,
                     .number = number,
                     .source = uplink ? kClient : kServer,
                     .destination = uplink ? kServer : kClient,
                     .payload = std::as_bytes(std::span(payload))});
  }
  void sent(std::uint64_t number, Duration at = 0ms) {
    see(true, PacketType::kOutgoing, number, at);
  }
  void arrived(std::uint64_t number, Duration at = 0ms) {
    see(true, PacketType::kIncoming, number, at);
  }

  std::string text() {
    fflush(out_);
    return {text_, size_};
  }

  Recorder recorder;

 private:
  char* text_ = nullptr;
  std::size_t size_ = 0;
  std::FILE* out_ = open_memstream(&text_, &size_);
  InspectTrace trace_;
  Inspector inspector_;
  std::uint64_t records_ = 0;
};

// What was sent and did not arrive is lost, either way, and stands where it was sent.
TEST(InspectTraceTest, TellsWhatWasLost) {
  Traced traced;
  traced.sent(1);
  traced.sent(2, 10ms);
  traced.arrived(2, 30ms);
  traced.see(false, PacketType::kOutgoing, 1, 30ms, "Hello, Tracy!");
  EXPECT_EQ(traced.text(), "");  // The first might still arrive.
  traced.recorder.finish();
  EXPECT_EQ(
      traced.text(),
      "        0.000 ms  |-----x         |  1.uplink.1       5 bytes \"Tracy\"  lost\n"
      "       10.000 ms  |----->         |  1.uplink.2       5 bytes \"Tracy\"\n"
      "       30.000 ms  |         ----->|  1.uplink.2       5 bytes \"Tracy\"\n"
      "       30.000 ms  |         x-----|  1.downlink.1     13 bytes \"Hello, Tracy!\"  lost\n");
}

// What was under way when the recording ended is said to be: nobody knows whether it would be lost.
TEST(InspectTraceTest, TellsWhatWasInFlight) {
  Traced traced;
  traced.sent(1);
  traced.sent(2);
  traced.sent(3);
  traced.recorder.note_in_flight({.time = Instant(5ms),
                                  .number = 2,
                                  .source = kClient,
                                  .destination = kServer,
                                  .payload = {}});
  traced.recorder.finish();
  EXPECT_EQ(traced.text(),
            "        0.000 ms  |-----x         |  1.uplink.1       5 bytes \"Tracy\"  lost\n"
            "        0.000 ms  |----->         |  1.uplink.2       5 bytes \"Tracy\"  in flight\n"
            "        0.000 ms  |-----x         |  1.uplink.3       5 bytes \"Tracy\"  lost\n");
}

// A line is there as soon as it is known: nothing waits behind what has arrived.
TEST(InspectTraceTest, PrintsWhatIsKnown) {
  Traced traced;
  traced.sent(1);
  EXPECT_EQ(traced.text(), "");
  traced.arrived(1);
  EXPECT_THAT(traced.text(), HasSubstr("|         ----->|  1.uplink.1 "));
  traced.arrived(1);  // A copy of it; and one of what was never sent.
  traced.arrived(7);
  EXPECT_THAT(traced.text(), HasSubstr("|         ----->|  1.uplink.7 "));
  EXPECT_THAT(traced.text(), testing::Not(HasSubstr("lost")));
}

// A capture of one host: what another interface shows again is not sent again, and another port's
// answer is one.
TEST(InspectTraceTest, TellsWhatIsSeenAgainOrElsewhere) {
  Traced traced;
  std::vector<std::byte> buffer(kFrameBytesMax);
  const auto see = [&](const Address& source, const Address& destination, std::uint32_t interface,
                       Duration at) {
    const Frame frame{.source = source,
                      .destination = destination,
                      .payload = std::as_bytes(std::span(std::string_view("Tracy"))),
                      .type = PacketType::kIncoming,
                      .interface = interface};
    traced.write(Instant(at), std::span(buffer).first(encode_frame(frame, buffer)));
  };
  see(kClient, kServer, 1, 0ms);
  see(kClient, kServer, 2, 1ms);
  see(with_port(kServer, 50'000), kClient, 1, 2ms);
  traced.finish();
  EXPECT_EQ(
      traced.text(),
      "        0.000 ms  |-------------->|  1.uplink         5 bytes \"Tracy\"\n"
      "        1.000 ms  |-------------->|  1.uplink         5 bytes \"Tracy\"  seen before\n"
      "        2.000 ms  |<--------------|  2.downlink       5 bytes \"Tracy\"  from elsewhere\n");
}

// A number that is used again is another datagram's: the one before it is lost.
TEST(InspectTraceTest, NumbersComeAgain) {
  Traced traced;
  traced.sent(1);
  traced.sent(1 + 65'536);  // The recording carries 16 bits of it.
  traced.arrived(1 + 65'536);
  const std::string text = traced.text();
  EXPECT_THAT(text, HasSubstr("|-----x         |  1.uplink.1       5 bytes \"Tracy\"  lost\n"));
  EXPECT_EQ(text.find("lost"), text.rfind("lost"));
}

// No more waits than there may: what is let go before it is known is not said to be lost.
TEST(InspectTraceTest, HoldsABoundedNumberBack) {
  Traced traced;
  constexpr std::uint64_t kFirst = 60'000;
  traced.sent(kFirst);
  for (std::uint64_t number = 0; number < 40'000; ++number) {
    traced.sent(number);
    traced.arrived(number);
    if (number == 30'000) {
      EXPECT_EQ(traced.text(), "");
    }
  }
  EXPECT_THAT(traced.text(), HasSubstr("|----->         |  1.uplink.60000   5 bytes \"Tracy\"\n"));
  traced.recorder.finish();
  EXPECT_THAT(traced.text(), testing::Not(HasSubstr("lost")));
}

// The same of bytes: of large datagrams in hexadecimal few fill the room.
TEST(InspectTraceTest, HoldsABoundedSizeBack) {
  Traced traced(true);
  const std::string large(60'000, 'x');
  traced.see(true, PacketType::kOutgoing, 1, 0ms, large);
  std::uint64_t number = 2;
  while (traced.text().empty() && number < 100) {
    traced.see(true, PacketType::kOutgoing, number, 0ms, large);
    ++number;
  }
  EXPECT_LT(number, 70U);
}

}  // namespace
}  // namespace lossy
