// Invariant: a packet that was written by the book (built_packet.hpp) is decoded to what it was to
// say, whatever link it is on, whatever carries it there, however many tags, options and extension
// headers it has, and in however many pieces it comes, in any order and repeatedly; pieces that
// overlap or contradict each other are refused; a frame that was cut off is said to be. What our
// encoder writes for it is the same, byte by byte. Taken apart as a merged packet it becomes what
// its segments are by the book.
//
// An input says what the packet is like, and where it has layers between link and packet, which;
// then come pieces of it, or of a second one, each two bytes: where it begins, how long it is and
// what is wrong with it.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include <lossy/fuzz/built_packet.hpp>
#include <lossy/fuzz/input.hpp>
#include <lossy/fuzz/property.hpp>
#include <lossy/fuzz/trace.hpp>
#include <lossy/harness/capture/reassembler.hpp>
#include <lossy/harness/capture/segments.hpp>

namespace lossy::fuzz {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kPiecesMax = 64;
constexpr std::size_t kLayersMax = 6;  // Of two carriers each at most, and the link's may be four.
static_assert(2 * kLayersMax + 4 <= kCarriersMax);

std::vector<std::pair<std::uint8_t, std::uint8_t>> extensions_from(std::uint8_t byte) {
  constexpr std::array<std::uint8_t, 4> kKinds{0, 43, 60, 44};
  std::vector<std::pair<std::uint8_t, std::uint8_t>> extensions;
  for (std::size_t i = 0; i < byte % 4u; ++i) {
    extensions.emplace_back(kKinds[(byte / 4 + i) % 4], static_cast<std::uint8_t>(byte / 16 % 4));
  }
  return extensions;
}

PacketPlan plan_from(Input& input) {
  PacketPlan plan;
  LinkPlan& link = plan.link;
  const std::uint8_t choice = input.byte();
  link.link_type = kLinkTypes[choice % kLinkTypes.size()];
  const std::size_t layers = std::min(kLayersMax, choice / kLinkTypes.size());
  const std::uint8_t flags = input.byte();
  const bool is_v6 =
      link.link_type == kLinkTypeIpv6 || (link.link_type != kLinkTypeIpv4 && flags & 1);
  Frame& frame = plan.frame;
  const std::uint8_t host = input.byte();
  const auto port = static_cast<std::uint16_t>(host * 257);
  if (is_v6) {
    frame.source = Address::v6({0x20, 0x01, 0x0D, 0xB8, 0, host}, port);
    frame.destination = Address::v6({0xFE, 0x80, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}, 9999);
    plan.extensions = extensions_from(input.byte());
    constexpr std::array<std::uint32_t, 4> kFamilies{24, 28, 30, 10};
    link.family = kFamilies[host % 4];
  } else {
    frame.source = Address::v4({192, 0, 2, host}, port);
    frame.destination = Address::v4({255, 255, 0, 1}, 9999);
    plan.option_words = input.byte() % 11u;
    frame.ip_checksum = flags & 2 ? Checksum::kBad : Checksum::kGood;
  }
  frame.udp_checksum = static_cast<Checksum>(flags / 4 % kChecksumCount);
  frame.identification = host * (is_v6 ? 0x1001u : 0x101u);
  frame.ttl = host;
  for (std::size_t i = 0; has_tags(link.link_type) && i < flags / 16 % 4u; ++i) {
    link.vlans.push_back(static_cast<std::uint16_t>(0xE001 + host * 16 + i));
  }
  link.how = host;
  link.sender = {2, host, 3, 4, 5, 6};
  if (link.link_type == kLinkTypeLinuxSll2) frame.interface = link.interface = host * 0x10001u;
  if (has_type(link)) frame.type = link.type = static_cast<PacketType>(flags / 64 % 3);
  if (has_way(link)) {
    frame.type = link.type = flags & 64 ? PacketType::kIncoming : PacketType::kOutgoing;
  }
  link.other_order = flags & 64;
  plan.padding = flags & 128 ? 6 : 0;
  const std::size_t size = input.byte();
  const std::uint8_t fill = input.byte();
  plan.trailing = fill / 4 % 4u;
  plan.payload.reserve(size);
  for (std::size_t i = 0; i < size; ++i) {
    plan.payload.push_back(static_cast<std::byte>(fill >= 0xF0 ? 0xFF : fill + i));
  }
  for (std::size_t i = 0; i < layers; ++i) plan.layers.push_back(input.byte());
  Said said;
  frame_of(plan, {}, nullptr, &said);
  frame.vlan = said.vlan;
  frame.link_address = said.address;
  frame.carriers = said.carriers;
  return plan;
}

void must_be(const Decoded& decoded, SkipReason reason, const char* property) {
  const auto* given = std::get_if<Skipped>(&decoded);
  must(given != nullptr && given->reason == reason, property);
  Trace::add(static_cast<std::uint64_t>(reason));
}

void must_say(const Decoded& decoded, const PacketPlan& plan) {
  const auto* frame = std::get_if<Frame>(&decoded);
  must(frame != nullptr, "a packet by the book is a datagram");
  const Frame& meant = plan.frame;
  must(frame->source == meant.source && frame->destination == meant.destination,
       "a datagram has its addresses");
  must(std::ranges::equal(frame->payload, plan.payload), "a datagram has its payload");
  must(frame->type == meant.type && frame->interface == meant.interface &&
           frame->vlan == meant.vlan && frame->link_address == meant.link_address,
       "a datagram has what its link says");
  must(frame->carriers == meant.carriers, "what carries a datagram is known");
  must(frame->identification == meant.identification && frame->ttl == meant.ttl,
       "a datagram has what its IP header says");
  must(frame->ip_checksum == meant.ip_checksum, "an IP checksum is judged");
  must(frame->udp_checksum == meant.udp_checksum, "a UDP checksum is judged");
  Trace::add(frame->payload);
}

// Frames in buffers of just their size, so that AddressSanitizer sees a read past the end.
class Capture {
 public:
  explicit Capture(int link_type) { record_.link_type = link_type; }

  Decoded decode(const Octets& frame, std::size_t cut_bytes = 0) {
    const std::size_t size = frame.size() - std::min(cut_bytes, frame.size());
    frame_ = std::make_unique<std::byte[]>(size);
    if (size > 0) std::memcpy(frame_.get(), frame.data(), size);
    record_.frame = {frame_.get(), size};
    record_.original_bytes = frame.size();
    record_.inner = true;
    ++record_.number;
    return reassembler_.decode(record_);
  }
  void pass(Duration time) { record_.time += time; }
  Instant now() const { return record_.time; }
  const Reassembler& reassembler() const { return reassembler_; }

 private:
  std::unique_ptr<std::byte[]> frame_;
  CaptureRecord record_;
  Reassembler reassembler_;
};

// What comes of a packet's pieces: a list of those that are there.
class Pieces {
 public:
  // The packet when this completes it; else why there is none yet.
  std::variant<Octets, SkipReason> add(Instant now, std::size_t offset, const Octets& bytes,
                                       bool more) {
    if (bytes.empty() || (more && bytes.size() % 8 != 0)) return SkipReason::kBadFragment;
    if (!there()) first_seen_ = now;
    if (refusal_) return *refusal_;
    const std::size_t end = offset + bytes.size();
    std::size_t sum = bytes.size();
    std::optional<std::size_t> size;
    if (!more) size = end;
    for (const One& one : pieces_) {
      if (one.offset == offset && one.bytes == bytes && one.more == more) {
        return SkipReason::kFragment;
      }
    }
    for (const One& one : pieces_) {
      const std::size_t one_end = one.offset + one.bytes.size();
      if (offset < one_end && one.offset < end) return *(refusal_ = SkipReason::kFragmentOverlap);
    }
    for (const One& one : pieces_) {
      const std::size_t one_end = one.offset + one.bytes.size();
      if ((!one.more && (!more || end > one_end)) || (!more && one_end > end)) {
        return *(refusal_ = SkipReason::kBadFragment);
      }
      sum += one.bytes.size();
      if (!one.more) size = one_end;
    }
    pieces_.push_back({offset, bytes, more});
    if (size != sum) return SkipReason::kFragment;
    Octets whole(sum);
    for (const One& one : pieces_) {
      std::copy(one.bytes.begin(), one.bytes.end(),
                whole.begin() + static_cast<std::ptrdiff_t>(one.offset));
    }
    clear();
    return whole;
  }
  void expire(Instant now) {
    if (there() && now - first_seen_ > 60s) clear();
  }
  bool there() const { return refusal_ || !pieces_.empty(); }
  bool waits() const { return !refusal_ && !pieces_.empty(); }

 private:
  struct One {
    std::size_t offset;
    Octets bytes;
    bool more;
  };
  void clear() {
    pieces_.clear();
    refusal_.reset();
  }

  std::vector<One> pieces_;
  std::optional<SkipReason> refusal_;
  Instant first_seen_;
};

// What the whole packet says, some of which is not what was meant.
PacketPlan plan_of(PacketPlan plan, const Octets& udp) {
  const auto at = [&udp](std::size_t i) { return std::to_integer<unsigned>(udp[i]); };
  const auto port = static_cast<std::uint16_t>(at(0) * 256 + at(1));
  Frame& frame = plan.frame;
  const auto& octets = frame.source.octets();
  frame.source = plan.is_v6() ? Address::v6(octets, port)
                              : Address::v4({octets[0], octets[1], octets[2], octets[3]}, port);
  plan.payload.assign(udp.begin() + 8, udp.end());
  const unsigned written = at(6) * 256 + at(7);
  Octets zeroed = udp;
  put_at(zeroed, 6, 0);
  frame.udp_checksum = Checksum::kBad;
  for (const Checksum kind : {Checksum::kOffloaded, Checksum::kGood, Checksum::kAbsent}) {
    if (written == udp_checksum(plan, zeroed, kind)) frame.udp_checksum = kind;
  }
  return plan;
}

void run_pieces(const PacketPlan& plan, Input& input) {
  const Octets udp = udp_of(plan);
  const std::size_t blocks = (udp.size() + 7) / 8;
  Capture capture(plan.link.link_type);
  std::array<Pieces, 2> packets;
  for (std::size_t i = 0; i < kPiecesMax && !input.done(); ++i) {
    const std::uint8_t where = input.byte();
    const std::uint8_t how = input.byte();
    if (where >= 0xF0) {
      capture.pass(where >= 0xF8 ? 60s : 1s);
      continue;
    }
    const std::size_t packet = how / 16 % 2;
    const std::size_t offset = where % (blocks + 1) * 8;
    const std::size_t end = std::min(udp.size(), offset + 8 * (1 + how % 16u));
    Octets bytes;
    if (offset < end) bytes.assign(udp.data() + offset, udp.data() + end);
    if (how & 32 && !bytes.empty()) bytes.front() ^= std::byte{1};
    const bool more = (end < udp.size()) != ((how & 64) != 0);
    const Piece piece{
        .identification = static_cast<std::uint32_t>(plan.frame.identification + packet),
        .offset = offset,
        .more = more};
    const auto decoded = capture.decode(frame_of(plan, bytes, &piece));
    std::variant<Octets, SkipReason> expected = bytes;
    if (offset > 0 || more) {  // Else it is whole, and no piece of another (RFC 6946).
      for (Pieces& one : packets) one.expire(capture.now());
      expected = packets[packet].add(capture.now(), offset, bytes, more);
    }
    if (const auto* reason = std::get_if<SkipReason>(&expected)) {
      must_be(decoded, *reason, "pieces are judged as the reference judges them");
    } else if (std::get<Octets>(expected).size() < udp.size()) {
      must_be(decoded, SkipReason::kBadUdpLength, "what was put together too early is too short");
    } else {
      PacketPlan said = plan_of(plan, std::get<Octets>(expected));
      if (!plan.is_v6()) said.frame.identification = piece.identification & 0xFFFF;
      must_say(decoded, said);
    }
    const auto waiting = static_cast<std::size_t>(std::ranges::count_if(packets, &Pieces::waits));
    must(capture.reassembler().waiting() == waiting, "what waits for pieces is counted");
    must(std::ranges::any_of(packets, &Pieces::there) || capture.reassembler().bytes() == 0,
         "what is whole takes no memory");
  }
}

// What it was merged from, if it was: so many bytes each, and nothing behind them.
PacketPlan segment_of(const PacketPlan& plan, std::size_t number, std::size_t segment_bytes) {
  PacketPlan segment = plan;
  const std::size_t at = number * segment_bytes;
  const auto payload = std::span(plan.payload).subspan(at);
  const auto part = payload.first(std::min(segment_bytes, payload.size()));
  segment.payload.assign(part.begin(), part.end());
  segment.trailing = segment.padding = 0;
  Frame& frame = segment.frame;
  if (!plan.is_v6()) {
    frame.identification = static_cast<std::uint16_t>(frame.identification + number);
  }
  frame.ip_checksum = Checksum::kGood;
  if (frame.udp_checksum != Checksum::kAbsent) frame.udp_checksum = Checksum::kGood;
  return segment;
}

void run_merged(const PacketPlan& plan, const Octets& frame, std::size_t segment_bytes) {
  const auto exact = std::make_unique<std::byte[]>(frame.size());
  std::memcpy(exact.get(), frame.data(), frame.size());
  CaptureRecord record;
  record.frame = {exact.get(), frame.size()};
  record.original_bytes = frame.size();
  record.link_type = plan.link.link_type;
  record.inner = true;
  std::span<const std::byte> packet;
  const Decoded decoded = decode_record(record, {.packet = &packet});
  const auto* const merged = std::get_if<Frame>(&decoded);
  must(merged != nullptr, "a packet by the book is a datagram");
  std::size_t bytes = 0;
  std::size_t count = 0;
  const auto take = [&](const CaptureRecord& one) {
    const PacketPlan segment = segment_of(plan, count++, segment_bytes);
    const Decoded again = decode_record(one);
    must_say(again, segment);
    bytes += segment.payload.size();
    // NFLOG's header has a length of its own, which stays.
    const bool is_by_the_book =
        plan.link.link_type == kLinkTypeNflog ||
        std::ranges::equal(one.frame, frame_of(segment, udp_of(segment), nullptr));
    must(is_by_the_book, "a segment is what the book says");
    return true;
  };
  const std::size_t taken = cut_segments(record, *merged, packet, segment_bytes, take);
  must(taken == count, "segments are counted");
  const bool is_cut =
      segment_bytes > 0 && segment_bytes < merged->payload.size() && !merged->carriers.any();
  must(bytes == (is_cut ? plan.payload.size() : 0), "segments are the whole, or there are none");
}

void run_whole(const PacketPlan& plan, std::size_t cut_bytes) {
  const Octets udp = udp_of(plan);
  Octets carried = udp;
  put(carried, Octets(plan.trailing, std::byte{0x2E}));
  Octets frame = frame_of(plan, carried, nullptr);
  Capture capture(plan.link.link_type);
  must_say(capture.decode(frame), plan_of(plan, udp));
  run_merged(plan, frame, cut_bytes);
  cut_bytes %= frame.size() + 1;
  if (cut_bytes > plan.padding) {
    must_be(capture.decode(frame, cut_bytes), SkipReason::kSnapped,
            "what was cut off in the capture is said to be");
    Octets shorter(frame.begin(), frame.end() - static_cast<std::ptrdiff_t>(cut_bytes));
    must_be(capture.decode(shorter), SkipReason::kTruncated, "what is too short is said to be");
  }
  const bool as_ours = plan.link.link_type == kLinkTypeLinuxSll2 && plan.link.vlans.empty() &&
                       plan.layers.empty() && plan.trailing == 0 && plan.option_words == 0 &&
                       plan.extensions.empty() && plan.frame.ip_checksum == Checksum::kGood &&
                       plan.frame.udp_checksum == Checksum::kGood;
  if (!as_ours) return;
  static std::array<std::byte, kFrameBytesMax> buffer;
  Frame sent = plan.frame;
  sent.payload = plan.payload;
  const std::size_t size = encode_frame(sent, buffer);
  frame.resize(frame.size() - plan.padding);
  must(std::ranges::equal(std::span(buffer).first(size), frame),
       "the encoder writes what the book says");
}

}  // namespace
}  // namespace lossy::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lossy::fuzz;
  Input input(data, size);
  const PacketPlan plan = plan_from(input);
  const std::uint8_t cut_bytes = input.byte();
  if (input.done()) {
    run_whole(plan, cut_bytes);
  } else {
    run_pieces(plan, input);
  }
  return 0;
}
