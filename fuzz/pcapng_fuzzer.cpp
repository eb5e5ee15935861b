// Invariant: a pcapng that was written by the book is read as it was meant, whatever its sections,
// byte orders and interfaces are, to where it is cut off; and of any that libpcap reads, too, the
// records are the same. However many bytes there are at a time, nothing changes. What our own
// writer makes of the records says the same of each once more.
//
// An input that begins as a pcapng does is one. Any other is what to write into one: a byte says
// which block, and those behind it what stands in that.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <lossy/fuzz/input.hpp>
#include <lossy/fuzz/property.hpp>
#include <lossy/fuzz/trace.hpp>
#include <lossy/harness/capture/pcap_file.hpp>
#include <lossy/harness/capture/pcapng_file.hpp>
#include <lossy/harness/capture/pcapng_writer.hpp>

namespace lossy::fuzz {
namespace {

__extension__ typedef unsigned __int128 Uint128;

using Octets = std::vector<std::byte>;
using Bytes = std::span<const std::byte>;

// What a record says, with a frame of its own.
struct Seen {
  Octets frame;
  CaptureRecord record;
};

struct Reading {
  bool begun = false;
  std::vector<Seen> records;
  std::vector<CaptureInterface> interfaces;
  std::string error;
};

template <typename Format>
Reading read(Bytes capture, std::size_t at_once_max) {
  Format file(ByteWindow(std::make_unique<InputStream>(capture, at_once_max)));
  Reading reading;
  reading.begun = file.begin();
  CaptureRecord record;
  while (reading.begun && file.next(record)) {
    reading.records.push_back({{record.frame.begin(), record.frame.end()}, record});
  }
  reading.interfaces = file.interfaces();
  reading.error = file.error();
  must(reading.begun || !reading.error.empty(), "what cannot be read has a reason");
  return reading;
}

bool is_same(const Seen& a, const Seen& b) {
  return a.frame == b.frame && a.record.time == b.record.time &&
         a.record.original_bytes == b.record.original_bytes &&
         a.record.link_type == b.record.link_type && a.record.interface == b.record.interface &&
         a.record.direction == b.record.direction;
}

// Read at once, and in parts that are as long as some packets' heads, or as nothing that there is.
Reading read_in_all_ways(Bytes capture, std::size_t part) {
  Reading reading = read<PcapngFile>(capture, capture.size() + 1);
  const Reading again = read<PcapngFile>(capture, part);
  must(reading.begun == again.begun && reading.error == again.error,
       "parts of a file have the errors of the whole");
  must(std::ranges::equal(reading.records, again.records, is_same),
       "parts of a file have the records of the whole");
  for (const Seen& seen : reading.records) {
    Trace::add(seen.frame);
    Trace::add(static_cast<std::uint64_t>(seen.record.time.time_since_epoch().count()));
    must(seen.record.time >= Instant() && seen.record.time <= kCaptureTimeMax,
         "times are those that a capture may have");
    must(seen.record.interface < reading.interfaces.size() &&
             reading.interfaces[seen.record.interface].link_type == seen.record.link_type,
         "a record is of an interface of the file, and has its link type");
  }
  Trace::add(reading.error);
  return reading;
}

// ---- Any bytes, beside libpcap.

// Whether libpcap changes what is in the frames, for whoever decodes them.
bool is_rewritten(int link_type) {
  constexpr int kNflog = 239;
  return !is_link_type_supported(link_type) || link_type == kLinkTypeLinuxSll ||
         link_type == kNflog;
}

// Whether an interface may count time in more than 34 powers of two, with which libpcap's products
// overflow.
bool may_overflow(Bytes capture) {
  constexpr std::array kLittle = {std::byte{9}, std::byte{0}, std::byte{1}, std::byte{0}};
  constexpr std::array kBig = {std::byte{0}, std::byte{9}, std::byte{0}, std::byte{1}};
  for (std::size_t at = 4; at < capture.size(); ++at) {
    const Bytes option = capture.subspan(at - 4, 4);
    if ((std::ranges::equal(option, kLittle) || std::ranges::equal(option, kBig)) &&
        capture[at] > std::byte{0x80 + 34}) {
      return true;
    }
  }
  return false;
}

void compare_with_libpcap(const Reading& ours, Bytes capture) {
  constexpr Instant kWraps(std::chrono::seconds(std::int64_t{1} << 32));
  const Reading theirs = read<PcapFile>(capture, capture.size() + 1);
  if (!theirs.begun) return;
  // What it does not look at is the length behind the first block.
  if (!ours.begun && ours.error.starts_with("a block's length behind")) return;
  const bool has_times = !may_overflow(capture);
  must(ours.begun && ours.records.size() >= theirs.records.size(),
       "what libpcap reads can be read");
  for (std::size_t i = 0; i < theirs.records.size(); ++i) {
    const Seen& our = ours.records[i];
    const Seen& their = theirs.records[i];
    must(our.record.link_type == their.record.link_type, "the link type is libpcap's");
    must(our.frame.size() >= their.frame.size(), "libpcap has no more of a frame");
    if (!is_rewritten(our.record.link_type)) {
      must(std::equal(their.frame.begin(), their.frame.end(), our.frame.begin()),
           "libpcap has the same frame, or cuts it off");
      must(our.record.original_bytes == their.record.original_bytes,
           "frames were as long as libpcap says");
    }
    if (has_times && our.record.time > Instant() && our.record.time < kWraps) {
      must(our.record.time == their.record.time, "times are libpcap's");
    }
  }
  must(
      !theirs.error.empty() || (ours.error.empty() && ours.records.size() == theirs.records.size()),
      "where libpcap sees the end, the end is");
}

// ---- A file by the book.

// Of the time of a timestamp, without what the reader does for it: digit by digit.
Instant time_of(std::uint64_t timestamp, std::uint8_t resolution, std::int64_t offset_seconds) {
  constexpr int kDigits = 9;
  const int exponent = resolution & 0x7F;
  Uint128 unit = 1;
  for (int i = 0; i < exponent; ++i) {
    unit *= resolution & 0x80 ? 2 : 10;
    if (unit >> 100) break;  // Nothing is left of any timestamp.
  }
  auto seconds = static_cast<std::uint64_t>(timestamp / unit);
  Uint128 rest = timestamp % unit;
  std::int64_t nanoseconds = 0;
  for (int i = 0; i < kDigits; ++i) {
    rest *= 10;
    nanoseconds = nanoseconds * 10 + static_cast<std::int64_t>(rest / unit);
    rest %= unit;
  }
  constexpr auto kMost = std::chrono::floor<std::chrono::seconds>(kCaptureTimeMax);
  const auto most_seconds = static_cast<std::uint64_t>(kMost.time_since_epoch().count());
  if (offset_seconds < 0) {
    const std::uint64_t less = -static_cast<std::uint64_t>(offset_seconds);
    if (seconds < less) return Instant();
    seconds -= less;
  } else if (seconds <= most_seconds) {
    seconds += static_cast<std::uint64_t>(offset_seconds);  // Below 2^63 + 2^33.
  }
  if (seconds > most_seconds) return kCaptureTimeMax;
  const Instant time(std::chrono::seconds(seconds) + std::chrono::nanoseconds(nanoseconds));
  return std::min(time, kCaptureTimeMax);
}

class Writer {
 public:
  void begin_section(bool is_big) {
    is_big_ = is_big;
    interfaces_.clear();
    Octets body;
    put(body, 0x1A2B3C4D, 4);
    put(body, 1, 2);
    put(body, 2, 2);
    put(body, 0, 8);
    put_block(0x0A0D0D0A, body);
  }

  void add(Input& input) {
    if (capture_.empty()) return begin_section(input.byte() & 1);
    switch (input.below(8)) {
      case 0:
        return begin_section(input.byte() & 1);
      case 1:
        return add_interface(input);
      case 2:
        return add_other(input);
      case 3:
        return add_simple_packet(input);
      case 4:
        return add_packet(input, true);
      default:
        return add_packet(input, false);
    }
  }

  const Octets& capture() const { return capture_; }
  // Those whose blocks are within so many bytes, and whether that is where a block ends.
  std::size_t records_within(std::size_t bytes) const {
    return static_cast<std::size_t>(std::ranges::upper_bound(record_ends_, bytes) -
                                    record_ends_.begin());
  }
  bool ends_at(std::size_t bytes) const { return std::ranges::binary_search(ends_, bytes); }
  const std::vector<Seen>& records() const { return records_; }

 private:
  struct Interface {
    int link_type = 0;
    std::uint32_t snap_bytes = 0;
    std::uint8_t resolution = 6;
    std::int64_t offset_seconds = 0;
  };

  void put(Octets& to, std::uint64_t value, int bytes) const {
    for (int i = 0; i < bytes; ++i) {
      const int shift = 8 * (is_big_ ? bytes - 1 - i : i);
      to.push_back(static_cast<std::byte>(value >> shift & 0xFF));
    }
  }
  static void put(Octets& to, Bytes bytes) {
    to.insert(to.end(), bytes.begin(), bytes.end());
    while (to.size() % 4 != 0) to.push_back(std::byte{0xEE});
  }
  void put_option(Octets& to, std::uint16_t code, Bytes value) const {
    put(to, code, 2);
    put(to, value.size(), 2);
    put(to, value);
  }
  void put_block(std::uint32_t type, const Octets& body) {
    const std::size_t size = body.size() + 12;
    put(capture_, type, 4);
    put(capture_, size, 4);
    put(capture_, body);
    put(capture_, size, 4);
    ends_.push_back(capture_.size());
  }

  // Bytes that tell how many and which they are.
  static Octets frame_from(Input& input) {
    Octets frame(input.byte());
    const std::uint8_t first = input.byte();
    for (std::size_t i = 0; i < frame.size(); ++i) frame[i] = static_cast<std::byte>(first + i);
    return frame;
  }

  void add_interface(Input& input) {
    constexpr std::array<std::uint16_t, 5> kTypes = {1, 0, 113, 276, 127};
    const std::uint8_t flags = input.byte();
    Interface interface { .link_type = input.of(kTypes), .snap_bytes = input.byte() };
    Octets options;
    const auto option = [&](std::uint16_t code, std::uint64_t value, int bytes) {
      Octets octets;
      put(octets, value, bytes);
      put_option(options, code, octets);
    };
    if (flags & 1) option(2, input.byte(), 1);
    if (flags & 2) option(9, interface.resolution = input.byte(), 1);
    if (flags & 4) {
      interface.offset_seconds = static_cast<std::int64_t>(timestamp_from(input));
      option(14, static_cast<std::uint64_t>(interface.offset_seconds), 8);
    }
    if (flags & 8) option(12, input.byte(), static_cast<int>(input.below(9)));
    if (flags & 16) option(0, 0, 0);
    Octets body;
    put(body, static_cast<std::uint64_t>(interface.link_type), 2);
    put(body, flags, 2);
    put(body, interface.snap_bytes, 4);
    put(body, options);
    put_block(1, body);
    interfaces_.push_back(interface);
  }

  void add_other(Input& input) {
    constexpr std::array<std::uint32_t, 8> kTypes = {0, 4, 5, 7, 9, 10, 0xBAD, 0x40000BAD};
    const std::uint32_t type = input.of(kTypes);
    put_block(type, frame_from(input));
  }

  // One byte's bits at any place.
  static std::uint64_t timestamp_from(Input& input) {
    const std::uint64_t byte = input.byte();
    const std::uint8_t how = input.byte();
    const std::uint64_t moved = byte << how % 57;
    return how & 0x80 ? ~moved : moved;
  }

  void add_packet(Input& input, bool is_obsolete) {
    if (interfaces_.empty()) return;
    const std::size_t number = input.below(interfaces_.size());
    const Interface& interface = interfaces_[number];
    const std::uint64_t timestamp = timestamp_from(input);
    const std::uint8_t flags = input.byte();
    Seen seen{.frame = frame_from(input), .record = {}};
    seen.record.original_bytes = seen.frame.size() + flags % 4u;
    Octets body;
    put(body, number, is_obsolete ? 2 : 4);
    if (is_obsolete) put(body, flags, 2);
    put(body, timestamp >> 32, 4);
    put(body, timestamp & 0xFFFFFFFF, 4);
    put(body, seen.frame.size(), 4);
    put(body, seen.record.original_bytes, 4);
    put(body, seen.frame);
    if (flags & 4) put_option(body, 1, seen.frame);
    if (flags & 8) {
      Octets value;
      put(value, flags / 16u, 4);
      put_option(body, 2, value);
      if ((flags / 16 & 3) == 1) seen.record.direction = PacketType::kIncoming;
      if ((flags / 16 & 3) == 2) seen.record.direction = PacketType::kOutgoing;
    }
    seen.record.time = time_of(timestamp, interface.resolution, interface.offset_seconds);
    add_record(is_obsolete ? 2 : 6, body, interface, std::move(seen));
  }

  void add_simple_packet(Input& input) {
    if (interfaces_.empty()) return;
    const Interface& interface = interfaces_.front();
    Seen seen{.frame = frame_from(input), .record = {}};
    seen.record.original_bytes = seen.frame.size();
    if (interface.snap_bytes > 0 && seen.frame.size() > interface.snap_bytes) {
      seen.frame.resize(interface.snap_bytes);
    }
    Octets body;
    put(body, seen.record.original_bytes, 4);
    put(body, seen.frame);
    add_record(3, body, interface, std::move(seen));
  }

  void add_record(std::uint32_t type, const Octets& body, const Interface& interface, Seen seen) {
    put_block(type, body);
    seen.record.link_type = interface.link_type;
    records_.push_back(std::move(seen));
    record_ends_.push_back(capture_.size());
  }

  bool is_big_ = false;
  std::vector<Interface> interfaces_;
  Octets capture_;
  std::vector<std::size_t> ends_;  // Of blocks.
  std::vector<Seen> records_;
  std::vector<std::size_t> record_ends_;
};

// ---- Our own writer.

void write_and_read_again(const Reading& reading) {
  Octets written;
  PcapngWriter writer(written);
  for (std::size_t i = 0; i < reading.records.size(); ++i) {
    const Seen& seen = reading.records[i];
    CaptureRecord record = seen.record;
    record.frame = seen.frame;
    const std::string_view text(reinterpret_cast<const char*>(seen.frame.data()),
                                seen.frame.size());
    const PacketNotes notes{.interface_name = reading.interfaces[record.interface].name,
                            .number = i % 2 == 0 ? std::optional<std::uint64_t>(i) : std::nullopt,
                            .comment = i % 3 == 0 ? text : std::string_view()};
    const std::uint64_t expected = writer.bytes() + writer.bytes_of(record, notes);
    writer.write(record, notes);
    must(writer.bytes() == expected, "a record makes the file as much longer as was said");
  }
  writer.finish();
  const Reading again = read<PcapngFile>(written, written.size() + 1);
  must(again.error.empty() && again.records.size() == reading.records.size(),
       "what was written is read");
  for (std::size_t i = 0; i < again.records.size(); ++i) {
    Seen seen = again.records[i];
    const Seen& meant = reading.records[i];
    const CaptureInterface& interface = again.interfaces[seen.record.interface];
    must(interface.name == reading.interfaces[meant.record.interface].name &&
             interface.link_type == meant.record.link_type,
         "a packet is of the same interface");
    seen.record.interface = meant.record.interface;  // In the order of their first packets.
    must(is_same(seen, meant), "a packet is written as it was read");
  }
}

void run_plan(Input input) {
  const std::size_t part = 1 + input.below(40);
  const std::size_t cut_bytes = input.byte();
  Writer writer;
  while (!input.done()) writer.add(input);
  const Octets& whole = writer.capture();
  const std::size_t size = whole.size() - std::min(cut_bytes, whole.size());
  if (size == 0) return;
  const Octets capture(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
  const Reading reading = read_in_all_ways(capture, part);
  must(reading.records.size() == writer.records_within(size), "each record is read");
  for (std::size_t i = 0; i < reading.records.size(); ++i) {
    const Seen& seen = reading.records[i];
    const Seen& meant = writer.records()[i];
    must(seen.frame == meant.frame, "a frame is as it was written");
    must(seen.record.original_bytes == meant.record.original_bytes, "a frame was as long");
    must(seen.record.link_type == meant.record.link_type, "a packet has its interface's link type");
    must(seen.record.direction == meant.record.direction, "a packet has its direction");
    must(seen.record.time == meant.record.time, "a packet has its time");
  }
  must(reading.error.empty() == writer.ends_at(size), "a file that is cut off is said to be");
  if (cut_bytes % 8 == 0) write_and_read_again(reading);
}

}  // namespace
}  // namespace lossy::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lossy::fuzz;
  const auto capture = std::as_bytes(std::span(data, size));
  if (lossy::PcapngFile::is_start(capture)) {
    compare_with_libpcap(read_in_all_ways(capture, 1 + size % 40), capture);
  } else if (size > 0) {
    run_plan(Input(data, size));
  }
  return 0;
}
