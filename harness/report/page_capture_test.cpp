#include <lossy/harness/report/page_capture.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string_view>

#include <lossy/harness/capture/recorded_for_test.hpp>
#include <lossy/harness/report/page_for_test.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

// A capture that comes record by record.
class Seen final : public FrameSink {
 public:
  explicit Seen(std::vector<std::uint64_t> different = {}) : page_({}, std::move(different)) {
    recorder_.add(*this);
  }

  void write(Instant time, std::span<const std::byte> bytes) override {
    const CaptureRecord record{++records_, time, bytes, bytes.size(), kLinkTypeLinuxSll2};
    const auto decoded = inspector_.decode(record);
    if (const auto sight = inspector_.add(record, decoded)) page_.add(record, *sight);
  }
  void finish() override {}

  void see(Direction direction, PacketType type, std::uint64_t number, Duration at,
           std::string_view payload) {
    const bool up = direction == Direction::kUplink;
    recorder_.record({.time = Instant(at),
                      .host = up == (type == PacketType::kOutgoing) ? RecordedHost::kClient
                                                                    : RecordedHost::kServer,
                      .type = type,
                      .number = number,
                      .source = up ? kClientForTest : kServerForTest,
                      .destination = up ? kServerForTest : kClientForTest,
                      .payload = std::as_bytes(std::span(payload))});
  }
  void sent(std::uint64_t number, Duration at, std::string_view payload = "a") {
    see(Direction::kUplink, PacketType::kOutgoing, number, at, payload);
  }
  void arrived(std::uint64_t number, Duration at, std::string_view payload = "a") {
    see(Direction::kUplink, PacketType::kIncoming, number, at, payload);
  }

  void in_flight(std::uint64_t number) {
    recorder_.note_in_flight({.time = Instant(9ms),
                              .number = number,
                              .source = kClientForTest,
                              .destination = kServerForTest,
                              .payload = {}});
  }

  nlohmann::ordered_json run() {
    InspectReport report;
    report.inspection = inspector_.finish();
    return page_.run(report);
  }

 private:
  PageCapture page_;
  Inspector inspector_;
  Recorder recorder_;
  std::uint64_t records_ = 0;
};

// Sent and arrived pair up: what does not is lost, what comes twice is a copy, what comes late is
// reordered, and what comes as something else is damaged.
TEST(PageCapture, TellsWhatThePathDid) {
  Seen seen;
  seen.sent(1, 0ms, "one");
  seen.sent(2, 1ms, "two");
  seen.sent(3, 2ms, "three");
  seen.sent(4, 3ms, "three");
  seen.arrived(2, 11ms, "twO");
  seen.arrived(1, 15ms, "one");
  seen.arrived(1, 16ms, "one");
  seen.arrived(4, 17ms, "thr");
  EXPECT_THAT(
      arrows_of(seen.run()),
      ElementsAre(ArrowForTest{0, 15, 1, kPageReordered, "", "one", ""},
                  ArrowForTest{1, 10, 2, kPageCorrupted, "", "two", "twO"},
                  ArrowForTest{2, -1, 3, kPageLost, "", "three", ""},
                  ArrowForTest{3, 14, 4, kPageRetransmission | kPageTruncated, "", "three", "thr"},
                  ArrowForTest{0, 16, 1, kPageCopy, "", "one", ""}));
}

// What was under way when the recording ended is not lost.
TEST(PageCapture, TellsWhatWasInFlight) {
  Seen seen;
  seen.sent(1, 0ms, "one");
  seen.arrived(1, 2ms, "one");
  seen.sent(2, 3ms, "two");
  seen.sent(3, 4ms, "three");
  seen.in_flight(1);  // A second copy of it.
  seen.in_flight(2);
  seen.in_flight(9);
  EXPECT_THAT(arrows_of(seen.run()),
              ElementsAre(ArrowForTest{0, 2, 1, 0, "", "one", ""},
                          ArrowForTest{3, -1, 2, kPageUnderway, "", "two", ""},
                          ArrowForTest{4, -1, 3, kPageLost, "", "three", ""}));
}

// A replay's difference is marked where it shows: at the record.
TEST(PageCapture, MarksWhatDiffers) {
  Seen seen({3});
  seen.sent(1, 0ms);
  seen.arrived(1, 1ms);
  seen.sent(2, 2ms, "b");
  const auto arrows = arrows_of(seen.run());
  ASSERT_EQ(arrows.size(), 2U);
  EXPECT_EQ(arrows[0].traits, 0U);
  EXPECT_EQ(arrows[1].traits, kPageLost | kPageDifferent);
}

// A capture of one host says when datagrams were seen, and how long answers took.
TEST(PageCapture, OfOneHostShowsWhenItWasSeen) {
  Seen seen;
  std::vector<std::byte> buffer(kFrameBytesMax);
  for (const SaidForTest& said : {ask("Tracy"), reply("Hello, Tracy!", 3ms)}) {
    const std::size_t size = encode_frame(frame_of(said), buffer);
    seen.write(Instant(said.at), std::span(buffer).first(size));
  }
  const auto run = seen.run();
  EXPECT_THAT(arrows_of(run), ElementsAre(ArrowForTest{0, 0, 0, kPageOneSided, "", "Tracy", ""},
                                          ArrowForTest{3, 0, 0, kPageOneSided | kPageDownlink, "",
                                                       "Hello, Tracy!", ""}));
  EXPECT_EQ(run["round_trips"]["count"], 1);
  EXPECT_EQ(run["round_trips"]["max"], 3'000'000);
}

}  // namespace
}  // namespace lossy
