// The recorder, the file it writes, and how the file reads back.
#include <lossy/harness/capture/recorder.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <system_error>

#include <lossy/harness/capture/files_for_test.hpp>
#include <lossy/harness/capture/pcap_writer.hpp>
#include <lossy/harness/capture/reader.hpp>
#include <lossy/harness/capture/recording_writer.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

const Address kClient = *Address::parse("192.0.2.1:40000");
const Address kServer = *Address::parse("192.0.2.2:9999");
const Address kClient6 = *Address::parse("[2001:db8::1]:40000");
const Address kServer6 = *Address::parse("[2001:db8::2]:9999");

Sighting sent_by_client(Instant time, std::uint64_t number, std::string_view payload,
                        bool v6 = false) {
  return {time,
          RecordedHost::kClient,
          PacketType::kOutgoing,
          number,
          v6 ? kClient6 : kClient,
          v6 ? kServer6 : kServer,
          as_bytes(payload)};
}

// A note is no datagram, unless it is asked for: then it says which one it is of. Another frame
// with its ether type is just one that is not IP.
TEST(RecorderTest, NotesWhatIsInFlight) {
  class Kept final : public FrameSink {
   public:
    void write(Instant, std::span<const std::byte> frame) override {
      bytes.assign(frame.begin(), frame.end());
    }
    void finish() override {}
    std::vector<std::byte> bytes;
  } kept;
  for (const bool v6 : {false, true}) {
    for (const LinkAddress& mark : kMarks) {
      Recorder recorder(mark);
      recorder.add(kept);
      Sighting sighting = sent_by_client(Instant(5ms), 7, "Michael", v6);
      sighting.flow = 3;
      recorder.note_in_flight(sighting);
      const auto decode = [&](bool notes) {
        return decode_frame(kLinkTypeLinuxSll2, kept.bytes, kept.bytes.size(), {.notes = notes});
      };
      EXPECT_EQ(std::get<Skipped>(decode(false)).reason, SkipReason::kInFlight);
      const Frame note = std::get<Frame>(decode(true));
      EXPECT_TRUE(note.in_flight);
      EXPECT_EQ(note.identification, 7U);
      EXPECT_EQ(note.source, v6 ? kClient6 : kClient);
      EXPECT_EQ(recorded_flow(note), 3U);
      EXPECT_EQ(recorded_host(note), RecordedHost::kClient);
      EXPECT_TRUE(is_recorded_uplink(note));
      EXPECT_TRUE(note.payload.empty());
      kept.bytes[13] ^= std::byte{1};
      EXPECT_EQ(std::get<Skipped>(decode(true)).reason, SkipReason::kNotIp);
      kept.bytes[13] ^= std::byte{1};
      kept.bytes[7] = std::byte{0};
      EXPECT_EQ(std::get<Skipped>(decode(true)).reason, SkipReason::kNotIp);
      recorder.record(sighting);
      EXPECT_FALSE(std::get<Frame>(decode(true)).in_flight);
    }
  }
}

std::string run(const std::string& command) {
  std::string output;
  std::FILE* const pipe = ::popen(command.c_str(), "r");
  std::array<char, 4096> buffer{};
  for (std::size_t n = 0; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    output.append(buffer.data(), n);
  }
  EXPECT_EQ(::pclose(pipe), 0) << command;
  return output;
}

// What is recorded reads back: times to the nanosecond, bytes, hosts, numbers.
TEST(RecorderTest, ReadsBack) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.pcap";
  RecordingWriter writer(path);
  Recorder recorder;
  EXPECT_FALSE(recorder.has_sinks());
  recorder.add(writer);
  EXPECT_TRUE(recorder.has_sinks());
  recorder.record(sent_by_client(Instant(0ns), 1, "Michael"));
  recorder.record({Instant(1'999'999'999ns), RecordedHost::kServer, PacketType::kIncoming, 65'537,
                   kClient6, kServer6, as_bytes("Tracy")});
  const Instant last(std::chrono::seconds(std::numeric_limits<std::uint32_t>::max()) + 1ns);
  recorder.record(sent_by_client(last, 3, ""));
  recorder.finish();

  auto opened = PcapReader::open(path);
  ASSERT_TRUE(std::holds_alternative<PcapReader>(opened));
  PcapReader& reader = std::get<PcapReader>(opened);
  EXPECT_EQ(reader.interfaces().front().link_type, kLinkTypeLinuxSll2);

  auto record = reader.next();
  ASSERT_TRUE(record);
  EXPECT_EQ(record->number, 1U);
  EXPECT_EQ(record->time, Instant(0ns));
  EXPECT_EQ(record->original_bytes, record->frame.size());
  auto frame = std::get<Frame>(decode_record(*record));
  EXPECT_EQ(frame.source, kClient);
  EXPECT_EQ(frame.destination, kServer);
  EXPECT_EQ(to_text(frame.payload), "Michael");
  EXPECT_EQ(frame.type, PacketType::kOutgoing);
  EXPECT_EQ(frame.interface, 1U);
  EXPECT_EQ(frame.identification, 1U);
  EXPECT_EQ(frame.link_address, kRecordingMark);

  record = reader.next();
  ASSERT_TRUE(record);
  EXPECT_EQ(record->number, 2U);
  EXPECT_EQ(record->time, Instant(1'999'999'999ns));
  frame = std::get<Frame>(decode_record(*record));
  EXPECT_EQ(frame.source, kClient6);
  EXPECT_EQ(frame.type, PacketType::kIncoming);
  EXPECT_EQ(frame.interface, 2U);
  EXPECT_EQ(frame.identification, 65'537U);

  record = reader.next();
  ASSERT_TRUE(record);
  EXPECT_EQ(record->time, last);
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.error());
  EXPECT_FALSE(reader.next());
}

// The same recording twice is the same file, and its header is a nanosecond pcap's.
TEST(RecorderTest, SameRecordingIsTheSameFile) {
  const TemporaryFolder folder;
  for (const char* name : {"a.pcap", "b.pcap"}) {
    RecordingWriter writer(folder / name);
    Recorder recorder;
    recorder.add(writer);
    for (std::uint64_t n = 1; n <= 10'000; ++n) {
      recorder.record(sent_by_client(Instant(n * 3ns), n, "guest"));
    }
    recorder.finish();
  }
  const std::string a = read_file(folder / "a.pcap");
  EXPECT_EQ(a, read_file(folder / "b.pcap"));
  EXPECT_EQ(a.size(), 24U + 10'000 * (16 + 48 + 5));
  EXPECT_EQ(a.substr(0, 24),
            std::string("\x4D\x3C\xB2\xA1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x14\x01\0\0", 24));
}

// Several sinks get the same frames.
TEST(RecorderTest, FeedsEverySink) {
  struct Counter final : FrameSink {
    void write(Instant, std::span<const std::byte> frame) override { bytes += frame.size(); }
    void finish() override { ++finished; }
    std::size_t bytes = 0;
    int finished = 0;
  };
  Counter one, two;
  Recorder recorder;
  recorder.add(one);
  recorder.record(sent_by_client(Instant(), 1, "a"));
  recorder.add(two);
  recorder.record(sent_by_client(Instant(), 2, "b"));
  recorder.finish();
  EXPECT_EQ(one.bytes, 2 * 49U);
  EXPECT_EQ(two.bytes, 49U);
  EXPECT_EQ(one.finished, 1);
  EXPECT_EQ(two.finished, 1);
}

// A proxy's recording bears its own mark, and each flow has two interfaces of its own, the first
// those of any other recording.
TEST(RecorderTest, ProxysFlowsAreToldApart) {
  struct LastFrame final : FrameSink {
    void write(Instant, std::span<const std::byte> bytes) override {
      frame = std::get<Frame>(decode_frame(kLinkTypeLinuxSll2, bytes, bytes.size()));
      frame.payload = {};
    }
    void finish() override {}
    Frame frame;
  } last;
  Recorder recorder(kProxyMark);
  recorder.add(last);
  const std::uint64_t flows_max = 0x7FFF'FFFF;
  for (const std::uint64_t flow : {std::uint64_t{1}, std::uint64_t{2}, flows_max, flows_max + 1}) {
    for (const bool at_client : {true, false}) {
      Sighting sighting = sent_by_client(Instant(0ns), 1, "");
      if (!at_client) sighting.host = RecordedHost::kServer;
      if (!at_client) sighting.type = PacketType::kIncoming;
      sighting.flow = flow;
      recorder.record(sighting);
      EXPECT_EQ(recorded_by(last.frame), RecordedBy::kProxy);
      EXPECT_EQ(recorded_host(last.frame), sighting.host);
      EXPECT_EQ(recorded_flow(last.frame), flow > flows_max ? 1 : flow);
      EXPECT_TRUE(is_recorded_uplink(last.frame));
      if (flow == 1) {
        EXPECT_EQ(last.frame.interface, static_cast<std::uint32_t>(sighting.host));
      }
    }
  }
}

// Wireshark agrees with what was recorded, and finds every checksum good.
TEST(RecorderTest, WiresharkAgrees) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.pcap";
  {
    RecordingWriter writer(path);
    Recorder recorder;
    recorder.add(writer);
    recorder.record(sent_by_client(Instant(5ns), 9, "Sarah"));
    recorder.record({Instant(2s), RecordedHost::kServer, PacketType::kIncoming, 9, kClient6,
                     kServer6, as_bytes("Sarah")});
    for (std::uint64_t n = 0; n < 300; ++n) {
      const std::string payload(n * 5 % 1025, static_cast<char>(n));
      recorder.record(sent_by_client(Instant(3s), n, payload, n % 2 == 0));
    }
    recorder.finish();
  }
  const std::string tshark =
      "tshark -r '" + path +
      "' -o udp.check_checksum:TRUE -o ip.check_checksum:TRUE -T fields"
      " -e frame.time_epoch -e sll.pkttype -e sll.ifindex -e sll.src.eth -e ip.id"
      " -e ipv6.flow -e udp.payload -e ip.ttl -e ipv6.hlim 2>/dev/null";
  const std::string fields = run(tshark + " | head -2");
  EXPECT_EQ(fields,
            "0.000000005\t4\t1\t02:6c:6f:73:73:79\t0x0009\t\t5361726168\t64\t\n"
            "2.000000000\t0\t2\t02:6c:6f:73:73:79\t\t0x000009\t5361726168\t\t64\n");
  const auto count = [&](const std::string& filter) {
    return run(tshark + " -Y '" + filter + "' | wc -l");
  };
  EXPECT_EQ(count("udp.checksum.status == 1"), "302\n");  // 1 is "good".
  EXPECT_EQ(count("ip && ip.checksum.status == 1"), "151\n");
  EXPECT_EQ(count("ip.flags.df == 1"), "151\n");
  EXPECT_EQ(count("ipv6"), "151\n");
  EXPECT_EQ(count("_ws.malformed || _ws.expert.severity >= 0x600000"), "0\n");
}

// The file has its name only once it is finished, and nothing is left when it never is.
TEST(PcapWriterTest, NothingIsLeftOfHalfARecording) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.pcap";
  {
    RecordingWriter writer(path);
    Recorder recorder;
    recorder.add(writer);
    for (std::uint64_t n = 1; n < 10'000; ++n) {
      recorder.record(sent_by_client(Instant(), n, "Michael"));
    }
    EXPECT_FALSE(std::filesystem::exists(path));
  }
  EXPECT_TRUE(folder.names().empty());
}

// A full disk is noticed while writing, or at the latest when finishing, and said.
TEST(PcapWriterTest, FullDiskIsSaid) {
  for (const std::uint64_t records : {0U, 1U, 100'000U}) {
    try {
      RecordingWriter writer("/dev/full");
      Recorder recorder;
      recorder.add(writer);
      for (std::uint64_t n = 1; n <= records; ++n) {
        recorder.record(sent_by_client(Instant(), n, "Michael"));
      }
      EXPECT_LT(records, 100'000U) << "nothing was said while writing";
      recorder.finish();
      FAIL() << "nothing was said at all";
    } catch (const std::system_error& error) {
      EXPECT_STREQ(error.what(), "cannot write '/dev/full': No space left on device");
    }
  }
}

// What cannot be created is refused before the run, not after it.
TEST(PcapWriterTest, RefusesWhatCannotBeCreated) {
  const TemporaryFolder folder;
  EXPECT_THROW(PcapWriter(folder / "missing" / "a.pcap"), std::system_error);
  EXPECT_THROW(PcapWriter(folder / "."), std::system_error);
  EXPECT_TRUE(folder.names().empty());
}

// A time that a capture cannot hold is refused, not bent.
TEST(PcapWriterTest, RefusesTimesThatDoNotFit) {
  const std::array<std::byte, 60> frame{};
  PcapWriter writer("/dev/null");
  EXPECT_THROW(writer.write(Instant(-1ns), frame), std::system_error);
  EXPECT_THROW(writer.write(Instant(4'294'967'296s), frame), std::system_error);
  EXPECT_THROW(writer.write(Instant::max(), frame), std::system_error);
  writer.write(Instant(4'294'967'295s), frame);
  writer.finish();
  EXPECT_THROW(writer.write(Instant(), frame), std::logic_error);
}

}  // namespace
}  // namespace lossy
