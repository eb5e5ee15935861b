// Invariant: whatever a capture holds, reading, decoding, putting together and inspecting it reads
// nothing outside of it and takes bounded memory, and each record gives a reason or a datagram. A
// frame that our encoder writes decodes to the same.
//
// An input that begins as a capture file does, or one that was packed, is one, read from memory. Of
// any other the first byte chooses the link type, the second how much of each frame was snapped,
// whether what datagrams carry counts instead of them, and how fast time passes; then come frames,
// each behind its size in two bytes.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include <lossy/fuzz/property.hpp>
#include <lossy/fuzz/trace.hpp>
#include <lossy/harness/capture/inspector.hpp>
#include <lossy/harness/capture/reader.hpp>
#include <lossy/harness/capture/reassembler.hpp>
#include <lossy/harness/capture/unpacker.hpp>

namespace lossy::fuzz {
namespace {

constexpr std::size_t kHeadersMin = 20 + 8;  // IPv4 and UDP.
constexpr ReassemblyLimits kLimits{.packets_max = 4, .bytes_max = std::size_t{1} << 18};

bool lies_within(std::span<const std::byte> part, std::span<const std::byte> whole) {
  const std::less_equal<> not_after;
  return not_after(whole.data(), part.data()) &&
         not_after(part.data() + part.size(), whole.data() + whole.size());
}

bool is_same(const Frame& a, const Frame& b) {
  return a.source == b.source && a.destination == b.destination && a.interface == b.interface &&
         a.type == b.type && a.link_address == b.link_address &&
         a.identification == b.identification && a.ttl == b.ttl &&
         std::equal(a.payload.begin(), a.payload.end(), b.payload.begin(), b.payload.end());
}

void check_place(const Frame& frame, std::span<const std::byte> bytes) {
  must(lies_within(frame.payload, bytes), "the payload lies within the frame");
  must(frame.payload.size() + kHeadersMin <= bytes.size(), "the headers take their room");
}

void check_datagram(const Frame& frame) {
  Trace::add(frame.payload);
  must(frame.source.is_v6() == frame.destination.is_v6(), "both addresses are of one family");
  must(frame.source.is_v6() || frame.identification <= 0xFFFF, "IPv4's identification has 16 bits");
  must(frame.identification <= 0xFFFFF, "IPv6's flow label has 20 bits");
  must(frame.payload.size() <= payload_bytes_max(frame.source), "IP can carry the payload");

  static std::array<std::byte, kFrameBytesMax> buffer;
  const std::size_t size = encode_frame(frame, buffer);
  const auto encoded = std::span<const std::byte>(buffer).first(size);
  const auto again = decode_frame(kLinkTypeLinuxSll2, encoded, size);
  const auto* decoded = std::get_if<Frame>(&again);
  must(decoded != nullptr, "what the encoder writes is a datagram");
  must(is_same(*decoded, frame), "what the encoder writes decodes to the same");
  must(decoded->ip_checksum == Checksum::kGood && decoded->udp_checksum == Checksum::kGood,
       "the encoder writes good checksums");
}

void check_reason(SkipReason reason, int link_type, std::size_t frame_bytes,
                  std::size_t original_bytes) {
  must(static_cast<std::size_t>(reason) < kSkipReasonCount, "a reason is one of them");
  const bool has_another = link_type == kLinkTypePpi || link_type == kLinkTypePktap ||
                           link_type == kLinkTypePktapMacOs;  // Behind its own header.
  must(reason == SkipReason::kLinkType || is_link_type_supported(link_type),
       "a link type that is not supported is refused");
  must(reason != SkipReason::kLinkType || !is_link_type_supported(link_type) || has_another,
       "a link type that is supported is not refused");
  must(reason != SkipReason::kSnapped || original_bytes > frame_bytes,
       "only a frame that was snapped is said to be");
  must(reason != SkipReason::kTruncated || original_bytes <= frame_bytes,
       "a frame that was snapped is not said to be truncated");
}

// Frames, each in a buffer of exactly its size, so that AddressSanitizer sees a read on either
// side.
void run_frames(std::span<const std::uint8_t> input) {
  if (input.size() < 2) return;
  constexpr int kNoLinkType = 147;
  const std::size_t choice = input[0] % (kLinkTypes.size() + 1);
  const int link_type = choice < kLinkTypes.size() ? kLinkTypes[choice] : kNoLinkType;
  const std::size_t snapped_bytes = input[1] % 16;
  const Duration step = std::chrono::seconds(input[1] / 16);
  const bool inner = input[1] % 2 == 1;
  input = input.subspan(2);
  Reassembler reassembler(kLimits);
  CaptureRecord record;
  record.link_type = link_type;
  while (input.size() >= 2) {
    const std::size_t size = std::min(input[0] + std::size_t{256} * input[1], input.size() - 2);
    const auto buffer = std::make_unique<std::byte[]>(size);
    if (size > 0) std::memcpy(buffer.get(), input.data() + 2, size);
    input = input.subspan(2 + size);
    record.frame = {buffer.get(), size};
    record.original_bytes = size + snapped_bytes;
    record.time += step;
    record.inner = inner;
    ++record.number;
    const std::uint64_t whole = reassembler.counters().whole;
    const auto decoded = reassembler.decode(record);
    must(reassembler.bytes() <= kLimits.bytes_max, "what waits for pieces takes bounded memory");
    must(reassembler.waiting() <= kLimits.packets_max, "a bounded number waits for pieces");
    if (const auto* skipped = std::get_if<Skipped>(&decoded)) {
      if (reassembler.counters().whole == whole) {
        check_reason(skipped->reason, link_type, size, record.original_bytes);
      }
      continue;
    }
    must(is_link_type_supported(link_type), "a datagram comes from a supported link type");
    const Frame& frame = std::get<Frame>(decoded);
    if (reassembler.counters().whole == whole) check_place(frame, record.frame);
    check_datagram(frame);
  }
}

void run_capture(std::span<const std::uint8_t> input, const InspectOptions& options = {}) {
  auto opened = PcapReader::read(std::make_unique<InputStream>(std::as_bytes(input)), "memory");
  auto* const reader = std::get_if<PcapReader>(&opened);
  if (reader == nullptr) {
    must(!std::get<CaptureError>(opened).text.empty(), "an error says why");
    return;
  }
  Inspector inspector(options);
  std::uint64_t records = 0;
  while (const auto record = reader->next()) {
    must(record->number == ++records, "records are counted");
    const auto decoded = inspector.decode(*record);
    if (const auto* frame = std::get_if<Frame>(&decoded)) check_datagram(*frame);
    must(inspector.add(*record, decoded).has_value(), "without a filter all records count");
  }
  const auto servers = inspector.better_servers();
  const Inspection inspection = inspector.finish();
  must((inspection.mistaken > 0) == servers.has_value(), "a mistake is told");
  must(!servers || !options.servers, "a second reading makes none");
  if (servers) run_capture(input, {.servers = servers});
  std::uint64_t accounted = inspection.traffic.datagrams;
  for (const std::uint64_t skipped : inspection.skipped) accounted += skipped;
  accounted += inspection.reassembly.joined + inspection.notes;
  must(accounted == records, "each record is a datagram, a piece of one, or skipped for a reason");
  for (const PathMetrics& path : {inspection.uplink, inspection.downlink}) {
    must(path.counters.sent == path.counters.arrived + path.counters.lost + path.counters.in_flight,
         "what was sent has arrived, is under way or is lost");
  }
}

bool is_capture(std::span<const std::uint8_t> input) {
  using namespace std::string_view_literals;
  constexpr std::array kMagics = {"\xD4\xC3\xB2\xA1"sv, "\xA1\xB2\xC3\xD4"sv, "\x4D\x3C\xB2\xA1"sv,
                                  "\xA1\xB2\x3C\x4D"sv, "\x0A\x0D\x0D\x0A"sv, "snoop"sv};
  const std::span<const std::byte> bytes = std::as_bytes(input);
  if (packing_of(bytes) != Packing::kNone) return true;
  return std::ranges::any_of(kMagics, [&](std::string_view magic) {
    return bytes.size() > magic.size() &&
           std::ranges::equal(bytes.first(magic.size()), std::as_bytes(std::span(magic)));
  });
}

}  // namespace
}  // namespace lossy::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> input(data, size);
  if (lossy::fuzz::is_capture(input)) {
    lossy::fuzz::run_capture(input);
  } else {
    lossy::fuzz::run_frames(input);
  }
  return 0;
}
