#include <lossy/harness/capture/reader.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <tuple>

#include <lossy/harness/capture/captures_for_test.hpp>
#include <lossy/harness/capture/files_for_test.hpp>
#include <lossy/harness/capture/frame_for_test.hpp>
#include <lossy/harness/capture/packers_for_test.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;
using Kind = CaptureError::Kind;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

std::variant<PcapReader, CaptureError> read_memory(const std::string& content,
                                                   const std::string& name = "memory") {
  return PcapReader::read(std::make_unique<InputStream>(as_bytes(content)), name);
}

CaptureError error_of(const std::string& path) {
  auto opened = PcapReader::open(path);
  if (auto* error = std::get_if<CaptureError>(&opened)) return *error;
  PcapReader& reader = std::get<PcapReader>(opened);
  while (reader.next()) {
  }
  return reader.error().value_or(CaptureError{Kind::kUnreadable, "no error"});
}

// Either byte order, micro- and nanoseconds: the same records.
TEST(PcapReaderTest, ReadsEveryKindOfPcap) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.pcap";
  for (const Number number : {&little, &big}) {
    for (const bool nano : {false, true}) {
      write_file(path, header(number, nano ? kNanoseconds : kMicroseconds, 276) +
                           record(number, 7, nano ? 5'000 : 5, "abc", 2) +
                           record(number, 0xFFFFFFFF, 0, ""));
      auto opened = PcapReader::open(path);
      ASSERT_TRUE(std::holds_alternative<PcapReader>(opened));
      PcapReader& reader = std::get<PcapReader>(opened);
      EXPECT_EQ(reader.interfaces().front().link_type, 276);
      auto read = reader.next();
      ASSERT_TRUE(read);
      EXPECT_EQ(read->number, 1U);
      EXPECT_EQ(read->time, Instant(7s + 5us));
      EXPECT_EQ(to_text(read->frame), "abc");
      EXPECT_EQ(read->original_bytes, 5U);
      read = reader.next();
      ASSERT_TRUE(read);
      EXPECT_EQ(read->number, 2U);
      EXPECT_EQ(read->time, Instant(4'294'967'295s));
      EXPECT_TRUE(read->frame.empty());
      EXPECT_FALSE(reader.next());
      EXPECT_FALSE(reader.error());
    }
  }
}

// Whatever length a file says that it keeps of a frame, what it has of one counts.
TEST(PcapReaderTest, KeepsWhatIsLongerThanTheSnapshotLength) {
  for (const Number number : {&little, &big}) {
    for (const std::uint32_t magic : {kMicroseconds, kNanoseconds}) {
      for (const std::uint32_t snap_bytes : {0U, 1U, 3U, 0x7FFFFFFFU, 0xFFFFFFFFU}) {
        const std::string content = header(number, magic, 276, snap_bytes) +
                                    record(number, 1, 0, "whole") + record(number, 2, 0, "cut", 9);
        auto opened = read_memory(content);
        PcapReader& reader = std::get<PcapReader>(opened);
        auto read = reader.next();
        ASSERT_TRUE(read);
        EXPECT_EQ(to_text(read->frame), "whole");
        EXPECT_EQ(read->original_bytes, 5U);
        read = reader.next();
        ASSERT_TRUE(read);
        EXPECT_EQ(to_text(read->frame), "cut");
        EXPECT_EQ(read->original_bytes, 12U);
        EXPECT_FALSE(reader.next());
        EXPECT_FALSE(reader.error());
      }
    }
  }
}

// What is no capture is refused with the reason, in one line that begins with the path.
TEST(PcapReaderTest, RefusesWhatIsNoCapture) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.pcap";
  CaptureError error = error_of(path);
  EXPECT_EQ(error.kind, Kind::kUnreadable);
  EXPECT_EQ(error.text, path + ": No such file or directory");

  error = error_of(folder / ".");
  EXPECT_EQ(error.kind, Kind::kDirectory);
  EXPECT_THAT(error.text, HasSubstr("is a directory"));

  write_file(path, "");
  error = error_of(path);
  EXPECT_EQ(error.kind, Kind::kEmpty);
  EXPECT_THAT(error.text, StartsWith(path + ": is empty"));

  EXPECT_EQ(error_of("/dev/null").text, "/dev/null: is empty, not a capture");

  for (const std::string& bytes :
       {std::string("x"), std::string("# a text file that goes on and on\n"),
        header(little, kNanoseconds, 276).substr(0, 23), std::string(100, '\0')}) {
    write_file(path, bytes);
    error = error_of(path);
    EXPECT_EQ(error.kind, Kind::kNotACapture) << error.text;
    EXPECT_THAT(error.text, StartsWith(path + ": is not a capture: "));
  }

  write_file(path, header(little, kNanoseconds, 117));
  error = error_of(path);
  EXPECT_EQ(error.kind, Kind::kLinkType);
  EXPECT_THAT(error.text, HasSubstr("117 (PFLOG)"));
  EXPECT_EQ(error.text.find('\n'), std::string::npos);
}

// A file that is cut off gives what came before, and then says so: it does not just end.
TEST(PcapReaderTest, CutOffFileIsNoEnd) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.pcap";
  const std::string first = header(little, kNanoseconds, 276) + record(little, 1, 0, "abc");
  const std::string second = record(little, 2, 0, "defgh");
  for (std::size_t size = 1; size < second.size(); ++size) {
    write_file(path, first + second.substr(0, size));
    auto opened = PcapReader::open(path);
    ASSERT_TRUE(std::holds_alternative<PcapReader>(opened));
    PcapReader& reader = std::get<PcapReader>(opened);
    ASSERT_TRUE(reader.next());
    EXPECT_FALSE(reader.next());
    ASSERT_TRUE(reader.error()) << size;
    EXPECT_EQ(reader.error()->kind, Kind::kDamaged);
    EXPECT_THAT(reader.error()->text, StartsWith(path + ": is damaged behind record 1: "));
    EXPECT_FALSE(reader.next());
  }
}

// A record that claims gigabytes is an error and not an allocation.
TEST(PcapReaderTest, AbsurdLengthIsAnError) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.pcap";
  write_file(path, header(little, kNanoseconds, 276) + little(1) + little(0) + little(0xFFFFFFF0) +
                       little(0xFFFFFFF0) + "abc");
  EXPECT_EQ(error_of(path).kind, Kind::kDamaged);
}

// Fractions of a second beyond a second are taken as they are; nothing overflows.
TEST(PcapReaderTest, TakesAnyTime) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.pcap";
  for (const std::uint32_t magic : {kMicroseconds, kNanoseconds}) {
    write_file(path, header(little, magic, 276) + record(little, 0xFFFFFFFF, 0xFFFFFFFF, "abc") +
                         record(little, 0, 0x80000000, "abc"));
    EXPECT_EQ(error_of(path).text, "no error");
  }
}

// How many records there are before the end, or before the error.
struct Outcome {
  std::uint64_t records = 0;
  std::string error;
  std::optional<Kind> kind{};
};

Outcome read_all(std::variant<PcapReader, CaptureError> opened) {
  if (const auto* error = std::get_if<CaptureError>(&opened)) return {0, error->text, error->kind};
  PcapReader& reader = std::get<PcapReader>(opened);
  Outcome outcome;
  while (reader.next()) ++outcome.records;
  if (reader.error()) {
    outcome.error = reader.error()->text;
    outcome.kind = reader.error()->kind;
  }
  return outcome;
}

std::string capture_of(int records) {
  std::string text = header(little, kNanoseconds, 276);
  for (int i = 0; i < records; ++i) {
    std::string frame;
    for (std::uint32_t n = 0; n < 100; ++n) frame += little(n * 2654435761U + n * n * 40503U);
    text += record(little, static_cast<std::uint32_t>(i), 0, frame);
  }
  return text;
}

// A compressed capture is read as the one in it, by its content and not by its name; one that is
// cut off yields what came before, and an error, wherever the cut is.
TEST(PcapReaderTest, ReadsWhatIsPacked) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.pcap";
  for (const Packing packing : kPackings) {
    SCOPED_TRACE(static_cast<int>(packing));
    const std::string content = packed(packing, capture_of(30));
    write_file(path, content);
    Outcome outcome = read_all(PcapReader::open(path));
    EXPECT_EQ(outcome.records, 30U);
    EXPECT_EQ(outcome.error, "");
    std::uint64_t most = 0;
    for (std::size_t size = 6; size < content.size(); size += 7) {
      write_file(path, content.substr(0, size));
      outcome = read_all(PcapReader::open(path));
      EXPECT_THAT(outcome.error, EndsWith("its compressed bytes are cut off")) << size;
      most = std::max(most, outcome.records);
    }
    // bzip2 and lz4 have it all in one block, as short as it is.
    if (packing == Packing::kGzip || packing == Packing::kXz) {
      EXPECT_GE(most, 20U);
    }
    // Most see it at once, some at the end.
    std::string damaged = content;
    damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x55);
    write_file(path, damaged);
    EXPECT_NE(read_all(PcapReader::open(path)).error, "");
    damaged = content;
    damaged[damaged.size() - 2] = static_cast<char>(damaged[damaged.size() - 2] ^ 0x55);
    write_file(path, damaged);
    outcome = read_all(PcapReader::open(path));
    EXPECT_EQ(outcome.records, 30U);
    EXPECT_THAT(outcome.error, HasSubstr(" record 30: its compressed bytes are damaged"));
  }
}

// A pipe is read as a file is, compressed or not.
TEST(PcapReaderTest, ReadsPipes) {
  for (const Packing packing : {Packing::kNone, Packing::kGzip, Packing::kZstd, Packing::kLz4,
                                Packing::kXz, Packing::kBzip2}) {
    const std::string content = packed(packing, capture_of(3));
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    ASSERT_EQ(::write(pipe[1], content.data(), content.size()), std::ssize(content));
    ::close(pipe[1]);  // It all fits into the pipe.
    const Outcome outcome = read_all(PcapReader::open("/dev/fd/" + std::to_string(pipe[0])));
    ::close(pipe[0]);
    EXPECT_EQ(outcome.records, 3U) << outcome.error;
    EXPECT_EQ(outcome.error, "");
  }
}

// What is in a pipe is read at once, though more may follow: nobody waits for a buffer to be full.
TEST(PcapReaderTest, ReadsAPipeWhileItIsWritten) {
  ::alarm(60);  // Else a reader that waits would wait for good.
  const auto pcap = [](const std::string& frame) { return record(little, 1, 0, frame); };
  const auto pcapng = [](const std::string& frame) { return Pcapng().packet(0, 0, frame).text(); };
  struct Form {
    std::string start;
    std::string (*packet)(const std::string& frame);
  };
  for (const Form& form : {Form{header(little, kMicroseconds, 276), pcap},
                           Form{Pcapng().section().interface(276).text(), pcapng}}) {
    // bzip2 gives nothing of a part for sure before the next one.
    for (const Packing packing :
         {Packing::kNone, Packing::kGzip, Packing::kZstd, Packing::kLz4, Packing::kXz}) {
      std::array<int, 2> pipe{};
      ASSERT_EQ(::pipe(pipe.data()), 0);
      Packer packer(packing);
      const auto write_now = [&](const std::string& text) {
        const std::string part = packer.add(text);
        ASSERT_EQ(::write(pipe[1], part.data(), part.size()), std::ssize(part));
      };
      write_now(form.start + form.packet("one"));
      auto opened = PcapReader::open("/dev/fd/" + std::to_string(pipe[0]));
      ASSERT_TRUE(std::holds_alternative<PcapReader>(opened));
      PcapReader& reader = std::get<PcapReader>(opened);
      EXPECT_TRUE(reader.is_live());
      EXPECT_EQ(to_text(reader.next()->frame), "one");
      write_now(form.packet("two"));
      EXPECT_EQ(to_text(reader.next()->frame), "two");
      // The end in the middle of a record: what came before was read, and the rest is an error.
      write_now(form.packet("three").substr(0, 18));
      ::close(pipe[1]);
      EXPECT_FALSE(reader.next());
      ASSERT_TRUE(reader.error());
      EXPECT_THAT(reader.error()->text, HasSubstr("is damaged behind record 2: "));
      ::close(pipe[0]);
    }
  }
  ::alarm(0);
}

// What was packed may stand one behind the other, wherever the reader's buffer ends, and zeros
// between and behind, as tapes have them. Anything else there was not packed, and is told.
TEST(PcapReaderTest, ReadsWhatIsPackedInParts) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.pcap";
  const std::string content = capture_of(30);
  for (const Packing packing : kPackings) {
    SCOPED_TRACE(static_cast<int>(packing));
    for (std::size_t at = 1; at < content.size(); at += 1009) {
      write_file(path, packed(packing, content.substr(0, at)) + packed(packing, "") +
                           std::string(at % 5, '\0') + packed(packing, content.substr(at)) +
                           std::string(at % 3, '\0'));
      const Outcome outcome = read_all(PcapReader::open(path));
      EXPECT_EQ(outcome.records, 30U);
      EXPECT_EQ(outcome.error, "");
    }
    for (const std::size_t zeros : {std::size_t{0}, std::size_t{1}, std::size_t{200'000}}) {
      write_file(path, packed(packing, content) + std::string(zeros, '\0') + "x");
      const Outcome outcome = read_all(PcapReader::open(path));
      EXPECT_EQ(outcome.records, 30U);
      EXPECT_THAT(outcome.error, EndsWith("behind its compressed bytes stand others"));
    }
  }
  std::string parts;
  std::size_t records = 0;
  while (parts.size() < (std::size_t{1} << 17)) {  // Of each a byte or two more than before.
    parts +=
        packed(Packing::kGzip,
               parts.empty() ? capture_of(1) : record(little, 1, 0, std::string(records, 'x')));
    ++records;
  }
  write_file(path, parts);
  const Outcome outcome = read_all(PcapReader::open(path));
  EXPECT_EQ(outcome.records, records);
  EXPECT_EQ(outcome.error, "");
}

// Memory is read as a file is.
TEST(PcapReaderTest, ReadsMemory) {
  std::string content = capture_of(3);
  const auto read = [&] { return read_all(read_memory(content)); };
  EXPECT_EQ(read().records, 3U);
  content.pop_back();
  EXPECT_EQ(read().records, 2U);
  EXPECT_THAT(read().error, StartsWith("memory: is damaged behind record 2: "));
}

// A filter passes over what it does not match, and leaves the numbers of the records alone.
TEST(PcapReaderTest, Filters) {
  const std::string udp = ipv4_to(9999);
  const std::string other_port = ipv4_to(9998);
  std::string content = header(little, kNanoseconds, 101) + record(little, 1, 0, other_port) +
                        record(little, 2, 0, udp) + record(little, 3, 0, other_port);
  auto opened = read_memory(content);
  PcapReader& reader = std::get<PcapReader>(opened);
  EXPECT_THAT(reader.set_filter("udp prot 9999").value_or(""), HasSubstr("syntax error"));
  EXPECT_EQ(reader.set_filter("udp port 9999"), std::nullopt);
  const auto record = reader.next();
  ASSERT_TRUE(record);
  EXPECT_EQ(record->number, 2U);
  EXPECT_FALSE(reader.next());
  EXPECT_EQ(reader.records(), 3U);
}

// A filter that matches nothing says what would: tcpdump's expressions look behind a tag or a label
// only when they are told to.
TEST(PcapReaderTest, SaysWhatAFilterWants) {
  const auto filtered_out = [](const std::string& frame, const std::string& expression,
                               std::uint32_t link_type = 1) {
    const std::string bytes = to_text(from_hex(frame));
    const std::string content = header(little, kNanoseconds, link_type) +
                                record(little, 1, 0, bytes) + record(little, 2, 0, bytes);
    auto opened = read_memory(content);
    PcapReader& reader = std::get<PcapReader>(opened);
    EXPECT_EQ(reader.set_filter(expression), std::nullopt);
    while (reader.next()) continue;
    return reader.filtered_out();
  };
  const std::string plain = kMacs + "0800" + kMichael4;
  const std::string tagged = kMacs + "8100 e005 0800" + kMichael4;
  EXPECT_EQ(filtered_out(plain, "port 9999"), "");
  EXPECT_EQ(filtered_out(plain, "port 7"), "port 7 matches none of 2 records");
  EXPECT_EQ(filtered_out(tagged, "port 7"), "port 7 matches none of 2 records");
  EXPECT_EQ(filtered_out(tagged, "port 9999"),
            "port 9999 matches none of 2 records; behind a VLAN's tag it would match: "
            "vlan and (port 9999)");
  EXPECT_EQ(filtered_out(tagged, "vlan and (port 9999)"), "");
  EXPECT_EQ(filtered_out(tagged, "port 7 or port 9999"),
            "port 7 or port 9999 matches none of 2 records; behind a VLAN's tag it would match: "
            "vlan and (port 7 or port 9999)");
  EXPECT_THAT(filtered_out(kMacs + "88a8 0005 8100 0006 0800" + kMichael4, "port 9999"),
              HasSubstr("; behind two VLANs' tags it would match: vlan and vlan and (port 9999)"));
  EXPECT_THAT(filtered_out(kMacs + "8864 1100 0007 0025 0021" + kMichael4, "port 9999"),
              HasSubstr("; in PPPoE it would match: pppoes and (port 9999)"));
  EXPECT_THAT(filtered_out(kMacs + "8847 00010140" + kMichael4, "port 9999"),
              HasSubstr("; behind an MPLS label it would match: mpls and (port 9999)"));
  EXPECT_EQ(filtered_out(kMichael4, "port 7", kLinkTypeRawFile), "port 7 matches none of 2 records")
      << "where there are no tags";
}

// Of a file with several link types each record is asked in its own.
TEST(PcapReaderTest, SaysWhatAFilterWantsOfEachLinkType) {
  const auto to_wire = [](const std::string& hex) { return to_text(from_hex(hex)); };
  const std::string content = Pcapng()
                                  .section()
                                  .interface(101)
                                  .packet(0, 0, to_wire(kMichael4))
                                  .interface(117)
                                  .packet(1, 0, to_wire(kMacs + "8100 0005 0800" + kMichael4))
                                  .interface(1)
                                  .packet(2, 0, to_wire(kMacs + "8847 00010140" + kMichael4))
                                  .packet(2, 0, to_wire(kMacs + "0800" + kMichael4))
                                  .text();
  const auto filtered_out = [&](const std::string& expression) {
    auto opened = read_memory(content);
    PcapReader& reader = std::get<PcapReader>(opened);
    EXPECT_EQ(reader.set_filter(expression), std::nullopt);
    while (reader.next()) continue;
    EXPECT_FALSE(reader.error());
    return reader.filtered_out();
  };
  EXPECT_EQ(filtered_out("port 9999"), "");
  EXPECT_EQ(filtered_out("port 9999 and ip[0] != 0x45"),
            "port 9999 and ip[0] != 0x45 matches none of 4 records");
  EXPECT_EQ(filtered_out("len == 53 and port 9999"),
            "len == 53 and port 9999 matches none of 4 records; behind an MPLS label it would "
            "match: mpls and (len == 53 and port 9999)");
}

// Each packet is asked what its own link type means by the filter, whichever interfaces are
// declared when; of a link type for which it means nothing the first packet is an error.
TEST(PcapReaderTest, FiltersEachLinkType) {
  const std::string port_9999 = ipv4_to(9999);
  const std::string other = ipv4_to(9998);
  const std::string content = Pcapng()
                                  .section()
                                  .interface(1)
                                  .packet(0, 0, ethernet(other))
                                  .packet(0, 0, ethernet(port_9999))
                                  .interface(101)
                                  .packet(1, 0, port_9999)
                                  .packet(1, 0, other)
                                  .interface(117)
                                  .packet(2, 0, port_9999)
                                  .text();
  const auto numbers = [&](const std::string& expression, std::string& error) {
    auto opened = read_memory(content);
    PcapReader& reader = std::get<PcapReader>(opened);
    EXPECT_EQ(reader.set_filter(expression), std::nullopt);
    std::vector<std::uint64_t> found;
    while (const auto record = reader.next()) found.push_back(record->number);
    error = reader.error() ? reader.error()->text : "";
    EXPECT_TRUE(error.empty() || reader.error()->kind == Kind::kFilter);
    return found;
  };
  std::string error;
  EXPECT_THAT(numbers("udp port 9999", error), ElementsAre(2, 3));
  EXPECT_EQ(error, "");
  EXPECT_THAT(numbers("ether host 02:00:00:00:00:02 and udp port 9998", error), ElementsAre(1));
  EXPECT_THAT(error, StartsWith("memory: has link type 12 (RAW) in record 3, of which the filter "
                                "cannot be asked: "));
  auto opened = read_memory(content);
  EXPECT_THAT(std::get<PcapReader>(opened).set_filter("udp prot 9999").value_or(""),
              HasSubstr("syntax error"));
}

// Where some of the link types cannot be decoded, those packets are skipped. Where all cannot, the
// file is refused, as any other file is.
TEST(PcapReaderTest, RefusesAFileOfUnknownLinkTypesOnly) {
  const std::string start = Pcapng().section().interface(117).packet(0, 0, "x").text();
  const std::string ethernet_too = Pcapng().interface(1).packet(1, 0, "x").text();
  const Outcome refused = read_all(read_memory(start, "m"));
  EXPECT_EQ(refused.records, 1U);
  EXPECT_EQ(refused.kind, Kind::kLinkType);
  EXPECT_THAT(refused.error, StartsWith("m: has link type 117 (PFLOG); "));
  const Outcome mixed = read_all(read_memory(start + ethernet_too, "m"));
  EXPECT_EQ(mixed.records, 2U);
  EXPECT_EQ(mixed.error, "");
  // Of what was never captured there is nothing to refuse.
  const Outcome none = read_all(read_memory(Pcapng().section().interface(117).text(), "m"));
  EXPECT_EQ(none.records, 0U);
  EXPECT_EQ(none.error, "");
}

}  // namespace
}  // namespace lossy
