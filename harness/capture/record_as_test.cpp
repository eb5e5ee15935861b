#include <lossy/harness/capture/record_as.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include <lossy/harness/capture/frame_for_test.hpp>
#include <lossy/harness/capture/inspector.hpp>
#include <lossy/harness/capture/reader.hpp>
#include <lossy/harness/capture/recording_writer.hpp>
#include <lossy/harness/capture/replay_for_test.hpp>

namespace lossy {
namespace {

using Bytes = std::vector<std::byte>;

const Bytes kPayload = from_hex("4d69636861656c");

Frame some_frame(bool v6 = false) {
  Frame frame;
  frame.source = *Address::parse(v6 ? "[2001:db8::1]:40000" : "192.0.2.1:40000");
  frame.destination = *Address::parse(v6 ? "[2001:db8::2]:9999" : "192.0.2.2:9999");
  frame.payload = kPayload;
  frame.type = PacketType::kOutgoing;
  frame.interface = 1;
  frame.link_address = kRecordingMark;
  frame.identification = 7;
  return frame;
}

// Nothing where the form leaves it out.
std::optional<Bytes> in_form(RecordAs as, const Frame& frame, std::size_t copy = 0) {
  Bytes sll2(kFrameBytesMax);
  sll2.resize(encode_frame(frame, sll2));
  Bytes buffer(kFrameBytesMax);
  const auto bytes =
      frame_as(as, {.time = {}, .bytes = sll2, .frame = frame, .copy = copy}, buffer);
  if (!bytes) return std::nullopt;
  return Bytes(bytes->begin(), bytes->end());
}

Frame decoded(int link_type, const Bytes& bytes) {
  return std::get<Frame>(decode_frame(link_type, bytes, bytes.size(), {.notes = true}));
}

// The form that a person asks for is the one that a reader finds.
TEST(RecordAsTest, WordsAndLinkTypes) {
  for (const RecordAs as : kAllRecordAs) {
    EXPECT_EQ(parse_record_as(to_string(as)), as);
    EXPECT_EQ(record_as_of(link_type_of(as)), as);
    EXPECT_TRUE(is_link_type_supported(link_type_of(as)));
  }
  EXPECT_FALSE(parse_record_as(""));
  EXPECT_FALSE(parse_record_as("SLL2"));
  EXPECT_FALSE(record_as_of(kLinkTypeNull));
}

// Who saw a frame, and which way, is read back from every form that can say it, notes included.
TEST(RecordAsTest, SaysWhoSawAFrame) {
  for (const RecordAs as : {RecordAs::kSll2, RecordAs::kSll, RecordAs::kEthernet}) {
    for (const LinkAddress& mark : kMarks) {
      for (const std::uint32_t interface : {1U, 2U, 65'536U, 0xFFFF'FFFEU}) {
        for (const PacketType type : {PacketType::kIncoming, PacketType::kOutgoing}) {
          for (const int kind : {0, 1, 2, 3}) {
            SCOPED_TRACE(testing::Message() << to_string(as) << " " << interface << " " << kind);
            Frame frame = some_frame(kind % 2 == 1);
            frame.link_address = mark;
            frame.interface = interface;
            frame.type = type;
            frame.in_flight = kind >= 2;
            if (frame.in_flight) frame.payload = {};
            const Bytes bytes = in_form(as, frame).value();
            const Frame back = decoded(link_type_of(as), bytes);
            EXPECT_EQ(back.link_address, mark);
            EXPECT_EQ(back.interface, interface);
            EXPECT_EQ(back.type, type);
            EXPECT_EQ(back.in_flight, frame.in_flight);
            EXPECT_EQ(back.identification, 7U);
            EXPECT_EQ(back.source, frame.source);
            EXPECT_EQ(back.destination, frame.destination);
            EXPECT_TRUE(std::ranges::equal(back.payload, frame.payload));
            EXPECT_EQ(in_form(as, back), bytes);
          }
        }
      }
    }
  }
}

// The headers are these, on every machine.
TEST(RecordAsTest, Headers) {
  Frame frame = some_frame();
  frame.interface = 3;
  const auto header = [&](RecordAs as, std::size_t bytes) {
    const Bytes all = in_form(as, frame).value();
    return to_hex(std::span(all).first(bytes));
  };
  EXPECT_EQ(header(RecordAs::kSll, 16), to_hex(from_hex("0004 0001 0008 026c6f73 00000003 0800")));
  EXPECT_EQ(header(RecordAs::kEthernet, 14), to_hex(from_hex("026c6f737379 020000000003 0800")));
  frame.type = PacketType::kIncoming;
  frame.link_address = kProxyMark;
  EXPECT_EQ(header(RecordAs::kSll, 16), to_hex(from_hex("0000 0001 0008 0270726f 00000003 0800")));
  EXPECT_EQ(header(RecordAs::kEthernet, 14), to_hex(from_hex("020000000003 0270726f7879 0800")));
}

// Without the mark of a recording addresses are no more than addresses.
TEST(RecordAsTest, OtherAddressesSayNothing) {
  const Bytes sll2 = in_form(RecordAs::kSll2, some_frame()).value();
  const std::string packet = to_hex(std::span(sll2).subspan(20));
  for (const char* addresses : {
           "020000000001 020000000002",  // Two hosts.
           "026c6f737379 0270726f7879",  // Two marks.
           "026c6f737379 024200000001",  // The mark, and somebody else.
           "024200000001 026c6f737379",
           "026c6f737378 020000000001",  // Nearly the mark.
       }) {
    const Frame frame = decoded(kLinkTypeEthernet, from_hex(addresses + (" 0800" + packet)));
    EXPECT_EQ(frame.interface, 0U) << addresses;
    EXPECT_EQ(frame.type, PacketType::kUnknown) << addresses;
    EXPECT_EQ(recorded_by(frame), RecordedBy::kSomebody) << addresses;
  }
  for (const char* address : {"0006 026c6f7373790000", "0008 026c6f7200000001"}) {
    const Frame frame =
        decoded(kLinkTypeLinuxSll, from_hex(std::string("0004 0001 ") + address + "0800" + packet));
    EXPECT_EQ(frame.interface, 0U) << address;
    EXPECT_EQ(recorded_by(frame), RecordedBy::kSomebody) << address;
  }
}

// RAW has what the server's host sees, once: what arrives twice is no packet seen twice.
TEST(RecordAsTest, RawIsTheServersView) {
  Frame frame = some_frame();
  EXPECT_FALSE(in_form(RecordAs::kRaw, frame));
  frame.interface = 2;
  frame.type = PacketType::kIncoming;
  const Bytes first = in_form(RecordAs::kRaw, frame).value();
  EXPECT_EQ(decoded(kLinkTypeRaw, first).identification, 7U);
  EXPECT_EQ(first.size(), 20 + 8 + kPayload.size());
  const Frame copy = decoded(kLinkTypeRaw, in_form(RecordAs::kRaw, frame, 1).value());
  EXPECT_EQ(copy.identification, 0U);
  EXPECT_EQ(copy.ip_checksum, Checksum::kGood);
  frame.in_flight = true;
  EXPECT_FALSE(in_form(RecordAs::kRaw, frame));
}

// What cannot be said is the caller's mistake.
TEST(RecordAsTest, WritesNoOtherLinkType) {
  Bytes buffer(kFrameBytesMax);
  EXPECT_THROW(encode_frame(some_frame(), buffer, kLinkTypeNull), std::logic_error);
  Frame note = some_frame();
  note.in_flight = true;
  EXPECT_THROW(encode_frame(note, buffer, kLinkTypeRaw), std::logic_error);
}

std::string write_as(RecordAs as, const std::vector<Record>& records,
                     const TemporaryFolder& folder) {
  const std::string path = folder / (std::string(to_string(as)) + ".pcap");
  RecordingWriter writer(path, {.as = as});
  for (const Record& record : records) {
    writer.take({.time = record.time, .bytes = record.frame, .frame = frame_of(record)});
  }
  writer.finish();
  return path;
}

Inspection inspected(const std::string& path) {
  Inspector inspector;
  auto opened = PcapReader::open(path);
  while (const auto record = std::get<PcapReader>(opened).next()) {
    const auto decoded = inspector.decode(*record);
    inspector.add(*record, decoded);
  }
  return inspector.finish();
}

// A run with losses either way reads back as the same, whatever it was written as; and RAW as what
// the server was asked, and answered.
TEST(RecordAsTest, ReadsBackAsTheSameRun) {
  const TemporaryFolder folder;
  for (const bool v6 : {false, true}) {
    Conversation conversation(v6, {"up2", "down3"});
    const std::vector<Record> records = conversation.record();
    for (const RecordAs as : {RecordAs::kSll2, RecordAs::kSll, RecordAs::kEthernet}) {
      SCOPED_TRACE(to_string(as));
      const std::string path = write_as(as, records, folder);
      const Inspection found = inspected(path);
      EXPECT_EQ(found.two_sided, records.size());
      EXPECT_EQ(found.unplaced, 0U);
      EXPECT_EQ(found.uplink.counters.sent, 5U);
      EXPECT_EQ(found.uplink.counters.lost, 1U);
      EXPECT_EQ(found.downlink.counters.sent, 4U);
      EXPECT_EQ(found.downlink.counters.lost, 1U);
      Greeter client = conversation.greeter();
      const ReplayResult replayed = replay_capture(path, {.client = &client});
      EXPECT_EQ(replayed.status, ReplayStatus::kHolds) << replay_text(replayed);
      EXPECT_EQ(replayed.sent, 9U);
      EXPECT_EQ(replayed.received, 7U);
    }
    const std::string raw = write_as(RecordAs::kRaw, records, folder);
    const Inspection found = inspected(raw);
    EXPECT_EQ(found.records, 8U);
    EXPECT_EQ(found.two_sided + found.unplaced, 0U);
    EXPECT_EQ(found.exchanges.requests, 4U);
    EXPECT_EQ(found.exchanges.answered, 4U);
    ASSERT_EQ(found.flows.size(), 1U);
    EXPECT_EQ(found.flows[0].repeated, 0U);
    const ReplayResult replayed = replay_capture(raw);
    EXPECT_EQ(replayed.status, ReplayStatus::kHolds) << replay_text(replayed);
    EXPECT_EQ(replayed.received, 4U);
    EXPECT_EQ(replayed.sent, 4U);
  }
}

}  // namespace
}  // namespace lossy
