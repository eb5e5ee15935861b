#include <lossy/harness/capture/golden.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include <lossy/harness/capture/files_for_test.hpp>
#include <lossy/harness/capture/recording_writer.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

const Address kClient = *Address::parse("192.0.2.1:40000");
const Address kServer = *Address::parse("192.0.2.2:9999");

// A greeting of Michael, which takes 2 ms each way; `change` may change the n-th sighting, from 1.
using Change = std::function<void(int, Sighting&)>;

void play(RecordingSink& sink, int sightings, const Change& change = nullptr,
          const LinkAddress& mark = kRecordingMark) {
  Recorder recorder(mark);
  recorder.add(sink);
  const auto request = as_bytes("Michael");
  const auto answer = as_bytes("Hello, Michael!");
  const Sighting run[] = {
      {Instant(0ms), RecordedHost::kClient, PacketType::kOutgoing, 1, kClient, kServer, request},
      {Instant(2ms), RecordedHost::kServer, PacketType::kIncoming, 1, kClient, kServer, request},
      {Instant(2ms), RecordedHost::kServer, PacketType::kOutgoing, 1, kServer, kClient, answer},
      {Instant(4ms), RecordedHost::kClient, PacketType::kIncoming, 1, kServer, kClient, answer},
  };
  for (int n = 1; n <= sightings; ++n) {
    Sighting sighting = run[n - 1];
    if (change) change(n, sighting);
    recorder.record(sighting);
  }
  recorder.finish();
}

class GoldenTest : public testing::Test {
 protected:
  GoldenTest() {
    RecordingWriter writer(path_);
    play(writer, 4);
  }

  GoldenComparer comparer(GoldenMatch match = GoldenMatch::kTimeAndBytes) {
    return GoldenComparer(std::get<PcapReader>(PcapReader::open(path_)), match);
  }

  std::string difference(int sightings, const Change& change = nullptr) {
    GoldenComparer golden = comparer();
    play(golden, sightings, change);
    EXPECT_FALSE(golden.error());
    EXPECT_EQ(golden.same(), golden.explanation().empty());
    return golden.explanation();
  }

  TemporaryFolder folder_;
  std::string path_ = folder_ / "golden.pcap";
};

// The same run again is the same.
TEST_F(GoldenTest, SameRunHolds) {
  GoldenComparer golden = comparer();
  EXPECT_FALSE(golden.same()) << "not before it is finished";
  play(golden, 4);
  EXPECT_TRUE(golden.same());
  EXPECT_EQ(golden.matched(), 4U);
  EXPECT_EQ(golden.explanation(), "");
}

// A byte that differs is shown, with what it means and what led up to it.
TEST_F(GoldenTest, OtherBytesAreShown) {
  const std::string text = difference(4, [](int n, Sighting& sighting) {
    if (n == 3) sighting.payload = as_bytes("Hello, Mjchael!");
  });
  EXPECT_EQ(text,
            path_ +
                ": differs from this run at record 3: other bytes\n"
                "what led up to it:\n"
                "  record 1 at 0.000000000 s: client sent #1 192.0.2.1:40000 > 192.0.2.2:9999,"
                " 7 bytes \"Michael\"\n"
                "  record 2 at 0.002000000 s: server received #1 192.0.2.1:40000 > 192.0.2.2:9999,"
                " 7 bytes \"Michael\"\n"
                "expected (the golden): record 3 at 0.002000000 s: server sent #1 192.0.2.2:9999 >"
                " 192.0.2.1:40000, 15 bytes \"Hello, Michael!\"\n"
                "actual (this run):     record 3 at 0.002000000 s: server sent #1 192.0.2.2:9999 >"
                " 192.0.2.1:40000, 15 bytes \"Hello, Mjchael!\"\n"
                "payload:\n"
                "offset  expected, 15 bytes                  actual, 15 bytes\n"
                "     0  48 65 6c 6c 6f 2c 20 4d |Hello, M|  48 65 6c 6c 6f 2c 20 4d |Hello, M|\n"
                "     8  69 63 68 61 65 6c 21    |ichael!|   6a 63 68 61 65 6c 21    |jchael!|\n"
                "        ^^                                  ^^\n"
                "first difference at offset 8: expected 69 'i', actual 6a 'j'\n");
}

// What differs in a header is shown in the frame.
TEST_F(GoldenTest, OtherHeaderIsShown) {
  const std::string text =
      difference(4, [](int n, Sighting& sighting) { sighting.number = n == 2 ? 2 : 1; });
  EXPECT_THAT(text, HasSubstr("at record 2: other bytes\n"));
  EXPECT_THAT(text, HasSubstr("frame:\n"));
  EXPECT_THAT(text, HasSubstr("first difference at offset 25: expected 01, actual 02\n"));
}

// A nanosecond too late is a difference, unless times are not compared.
TEST_F(GoldenTest, OtherTimeIsShown) {
  const Change later = [](int n, Sighting& sighting) {
    if (n == 4) sighting.time += 1ns;
  };
  const std::string text = difference(4, later);
  EXPECT_THAT(text, HasSubstr("at record 4: the same bytes at another time\n"));
  EXPECT_THAT(text, HasSubstr("expected (the golden): record 4 at 0.004000000 s: "));
  EXPECT_THAT(text, HasSubstr("actual (this run):     record 4 at 0.004000001 s: "));

  GoldenComparer golden = comparer(GoldenMatch::kBytes);
  play(golden, 4, later);
  EXPECT_TRUE(golden.same());
  GoldenComparer strict_in_bytes = comparer(GoldenMatch::kBytes);
  play(strict_in_bytes, 4, [](int, Sighting& sighting) { sighting.number = 2; });
  EXPECT_FALSE(strict_in_bytes.same());
}

// A run in real time may have a golden of virtual time, and the other way round; not a proxy's.
TEST_F(GoldenTest, MarksOfRunsAreOneWhereTimesAreNotCompared) {
  GoldenComparer real = comparer(GoldenMatch::kBytes);
  play(real, 4, nullptr, kClockMark);
  EXPECT_TRUE(real.same()) << real.explanation();
  GoldenComparer with_times = comparer();
  play(with_times, 4, nullptr, kClockMark);
  EXPECT_FALSE(with_times.same());
  GoldenComparer proxied = comparer(GoldenMatch::kBytes);
  play(proxied, 4, nullptr, kProxyMark);
  EXPECT_FALSE(proxied.same());
}

// A golden of any form that recordings are written in is compared in that form.
TEST_F(GoldenTest, ComparesInTheGoldensForm) {
  for (const RecordAs as : kAllRecordAs) {
    SCOPED_TRACE(to_string(as));
    std::filesystem::remove(path_);
    {
      RecordingWriter writer(path_, {.as = as});
      play(writer, 4);
    }
    const std::uint64_t records = as == RecordAs::kRaw ? 2 : 4;
    for (const GoldenMatch match : {GoldenMatch::kTimeAndBytes, GoldenMatch::kBytes}) {
      GoldenComparer golden = comparer(match);
      play(golden, 4, nullptr, match == GoldenMatch::kBytes ? kClockMark : kRecordingMark);
      EXPECT_TRUE(golden.same()) << golden.explanation();
      EXPECT_EQ(golden.matched(), records);
    }
    EXPECT_THAT(difference(2), HasSubstr("the run ends, but the golden goes on\n"));
    EXPECT_THAT(difference(4,
                           [](int n, Sighting& sighting) {
                             if (n == 3) sighting.payload = as_bytes("Hello, Mjchael!");
                           }),
                HasSubstr("other bytes\n"));
  }
}

// What is missing at the end, and what is too much, are differences.
TEST_F(GoldenTest, BothEndsMustMeet) {
  const std::string missing = difference(3);
  EXPECT_THAT(missing, HasSubstr("at record 4: the run ends, but the golden goes on\n"));
  EXPECT_THAT(missing, HasSubstr("actual (this run):     nothing\n"));

  {
    RecordingWriter writer(path_);
    play(writer, 3);
  }
  const std::string extra = difference(4);
  EXPECT_THAT(extra, HasSubstr("at record 4: the golden ends, but the run goes on\n"));
  EXPECT_THAT(extra, HasSubstr("expected (the golden): nothing\n"));
}

// A golden that is cut off, or is none, is an error and neither the same nor different.
TEST_F(GoldenTest, DamagedGoldenIsAnError) {
  const std::string whole = read_file(path_);
  write_file(path_, whole.substr(0, whole.size() - 1));
  GoldenComparer golden = comparer();
  play(golden, 4);
  EXPECT_FALSE(golden.same());
  EXPECT_EQ(golden.explanation(), "");
  ASSERT_TRUE(golden.error());
  EXPECT_EQ(golden.error()->kind, CaptureError::Kind::kDamaged);
  EXPECT_THAT(golden.error()->text, StartsWith(path_ + ": is damaged behind record 3: "));

  std::string ethernet = whole;
  ethernet[20] = 1;
  ethernet[21] = 0;
  write_file(path_, ethernet);
  GoldenComparer other = comparer();
  play(other, 4);
  ASSERT_TRUE(other.error());
  EXPECT_EQ(other.error()->kind, CaptureError::Kind::kLinkType);
}

// The tail shows the latest records, and only as many as it keeps.
TEST(RecordTailTest, KeepsTheLatest) {
  RecordTail tail(3);
  const std::string bytes = "abcdefgh";
  for (std::uint64_t n = 1; n <= 8; ++n) {
    tail.push({n, Instant(), as_bytes(bytes).subspan(0, n), n});
  }
  std::vector<std::string> kept;
  for (const CaptureRecord& record : tail.records()) kept.push_back(to_text(record.frame));
  EXPECT_THAT(kept, testing::ElementsAre("abcdef", "abcdefg", "abcdefgh"));
}

// Times are shown to the nanosecond, whatever they are.
TEST(DescribeTest, Times) {
  EXPECT_EQ(describe_time(Instant(0ns)), "0.000000000 s");
  EXPECT_EQ(describe_time(Instant(1'000'000'001ns)), "1.000000001 s");
  EXPECT_EQ(describe_time(Instant(-1ns)), "-0.000000001 s");
  EXPECT_EQ(describe_time(Instant::min()), "-9223372036.854775808 s");
}

// Hostile payloads are escaped, long ones cut.
TEST(DescribeTest, Payloads) {
  EXPECT_EQ(describe_payload(as_bytes("\x1b[2J")), "4 bytes \"\\x1b[2J\"");
  EXPECT_EQ(describe_payload(as_bytes(std::string(49, 'a'))),
            "49 bytes \"" + std::string(48, 'a') + "\"...");
}

// A run of nothing is the same as a golden of nothing, and that says nothing.
TEST_F(GoldenTest, NothingIsNotTheSame) {
  std::filesystem::remove(path_);
  RecordingWriter(path_).finish();
  GoldenComparer golden = comparer();
  play(golden, 0);
  EXPECT_FALSE(golden.same());
  ASSERT_TRUE(golden.error());
  EXPECT_EQ(golden.error()->text,
            path_ + ": has no records, and neither has the run: nothing can be compared");
}

}  // namespace
}  // namespace lossy
