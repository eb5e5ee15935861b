#include <lossy/harness/capture/pcapng_file.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace lossy {
namespace {

using Bytes = std::span<const std::byte>;

// The types of blocks.
constexpr std::uint32_t kSectionHeader = 0x0A0D0D0A;  // The same in either byte order.
constexpr std::uint32_t kInterfaceDescription = 1;
constexpr std::uint32_t kPacket = 2;
constexpr std::uint32_t kSimplePacket = 3;
constexpr std::uint32_t kEnhancedPacket = 6;

// A block: its type, its length, what is in it, and the length once more.
constexpr std::size_t kBlockFrontBytes = 8;
constexpr std::size_t kBlockBackBytes = 4;
constexpr std::size_t kBlockBytesMin = kBlockFrontBytes + kBlockBackBytes;
// What in it has a fixed length.
constexpr std::size_t kSectionBytes = 16;
constexpr std::size_t kInterfaceBytes = 8;
constexpr std::size_t kPacketBytes = 20;
constexpr std::size_t kSimplePacketBytes = 4;

constexpr std::uint32_t kByteOrderMagic = 0x1A2B3C4D;
constexpr std::uint16_t kVersionMajor = 1;

// The options of interfaces, and the flags of a packet, which either kind of its blocks numbers so.
constexpr std::uint16_t kEndOfOptions = 0;
constexpr std::uint16_t kInterfaceName = 2;
constexpr std::uint16_t kTimeResolution = 9;
constexpr std::uint16_t kTimeOffset = 14;
constexpr std::uint16_t kPacketFlags = 2;
constexpr std::size_t kOptionFrontBytes = 4;

constexpr std::size_t kNameBytesMax = 256;

constexpr std::size_t padded(std::size_t bytes) {
  return (bytes + 3) / 4 * 4;
}

std::uint32_t load_native32(Bytes bytes, std::size_t at) {
  std::uint32_t value = 0;
  std::memcpy(&value, &bytes[at], sizeof(value));
  return value;
}

// libpcap's number, as decode_frame() knows it: the one that files have is another for this one.
int link_type_of(std::uint16_t in_file) {
  return in_file == kLinkTypeRawFile ? kLinkTypeRaw : in_file;
}

}  // namespace

bool PcapngFile::is_start(Bytes bytes) {
  return bytes.size() >= sizeof(kSectionHeader) && load_native32(bytes, 0) == kSectionHeader;
}

std::uint16_t PcapngFile::load16(Bytes bytes, std::size_t at) const {
  std::uint16_t value = 0;
  std::memcpy(&value, &bytes[at], sizeof(value));
  return swapped_ ? __builtin_bswap16(value) : value;
}

std::uint32_t PcapngFile::load32(Bytes bytes, std::size_t at) const {
  const std::uint32_t value = load_native32(bytes, at);
  return swapped_ ? __builtin_bswap32(value) : value;
}

std::uint64_t PcapngFile::load64(Bytes bytes, std::size_t at) const {
  std::uint64_t value = 0;
  std::memcpy(&value, &bytes[at], sizeof(value));
  return swapped_ ? __builtin_bswap64(value) : value;
}

bool PcapngFile::begin() {
  return read_block() && begin_section();
}

bool PcapngFile::next(CaptureRecord& record) {
  while (read_block()) {
    switch (type_) {
      case kSectionHeader:
        if (!begin_section()) return false;
        break;
      case kInterfaceDescription:
        if (!add_interface()) return false;
        break;
      case kEnhancedPacket:
        if (body_.size() < kPacketBytes) return fail_too_short();
        return take_packet(record, load32(body_, 0));
      case kPacket:
        if (body_.size() < kPacketBytes) return fail_too_short();
        return take_packet(record, load16(body_, 0));
      case kSimplePacket:
        return take_simple_packet(record);
      default:
        break;
    }
  }
  return false;
}

// Has the window on the next block. False at the end, and when there is no whole one.
bool PcapngFile::read_block() {
  constexpr const char* kCutOff = "it is cut off in the middle of a block";
  window_.pass(std::exchange(block_bytes_, 0));
  if (!window_.has(kBlockBytesMin)) {
    return window_.front().empty() && window_.error().empty() ? false : fail(kCutOff);
  }
  if (load_native32(window_.front(), 0) == kSectionHeader) {
    // It says itself in which order its lengths are, too.
    const std::uint32_t magic = load_native32(window_.front(), kBlockFrontBytes);
    swapped_ = magic == __builtin_bswap32(kByteOrderMagic);
    if (!swapped_ && magic != kByteOrderMagic) return fail("a section is in no byte order");
  }
  type_ = load32(window_.front(), 0);
  const std::uint32_t length = load32(window_.front(), 4);
  if (length < kBlockBytesMin || length > kBlockBytesMax) {
    return fail("a block says that it has " + std::to_string(length) + " bytes, and may have " +
                std::to_string(kBlockBytesMin) + " to " + std::to_string(kBlockBytesMax));
  }
  // There are writers that do not count what fills a block up.
  const std::size_t bytes = padded(length);
  if (!window_.has(bytes)) return fail(kCutOff);
  const Bytes block = window_.front().first(bytes);
  if (load32(block, bytes - kBlockBackBytes) != length) {
    return fail("a block's length behind it is another than in front of it");
  }
  body_ = block.subspan(kBlockFrontBytes, bytes - kBlockBytesMin);
  block_bytes_ = bytes;
  return true;
}

bool PcapngFile::fail_too_short() {
  return fail("a block of type " + std::to_string(type_) + " is too short for what it says");
}

// The magic was looked at, and how long the section is does not matter.
bool PcapngFile::begin_section() {
  if (body_.size() < kSectionBytes) return fail_too_short();
  const std::uint16_t version = load16(body_, 4);
  if (version != kVersionMajor) {
    return fail("it is pcapng of version " + std::to_string(version) + ", not 1");
  }
  section_.clear();
  return true;
}

// Calls take() with each option's code and value. False where they go beyond their block; that they
// end without saying so is no harm.
template <typename Take>
bool PcapngFile::each_option(Bytes options, Take&& take) const {
  while (options.size() >= kOptionFrontBytes) {
    const std::uint16_t code = load16(options, 0);
    const std::size_t bytes = load16(options, 2);
    if (code == kEndOfOptions) return true;
    options = options.subspan(kOptionFrontBytes);
    if (padded(bytes) > options.size()) return false;
    take(code, options.first(bytes));
    options = options.subspan(padded(bytes));
  }
  return true;
}

bool PcapngFile::add_interface() {
  if (body_.size() < kInterfaceBytes) return fail_too_short();
  CaptureInterface declared{.link_type = link_type_of(load16(body_, 0))};
  Interface interface { .link_type = declared.link_type, .snap_bytes = load32(body_, 4) };
  std::uint8_t resolution = 6;
  std::int64_t offset_seconds = 0;
  bool makes_sense = true;
  const bool in_bounds =
      each_option(body_.subspan(kInterfaceBytes), [&](std::uint16_t code, Bytes value) {
        if (code == kInterfaceName) {
          const Bytes name = value.first(std::min(value.size(), kNameBytesMax));
          declared.name.assign(reinterpret_cast<const char*>(name.data()), name.size());
        } else if (code == kTimeResolution) {
          if (value.size() != sizeof(resolution)) return void(makes_sense = false);
          resolution = std::to_integer<std::uint8_t>(value[0]);
        } else if (code == kTimeOffset) {
          if (value.size() != sizeof(offset_seconds)) return void(makes_sense = false);
          offset_seconds = static_cast<std::int64_t>(load64(value, 0));
        }
      });
  if (!in_bounds) return fail_too_short();
  if (!makes_sense) return fail("an interface's options for its time make no sense");
  interface.unit = TimestampUnit::of(resolution, offset_seconds);
  const auto [known, is_new] =
      known_.try_emplace({section_.size(), declared.link_type, declared.name},
                         static_cast<std::uint32_t>(interfaces_.size()));
  interface.index = known->second;
  if (is_new) interfaces_.push_back(std::move(declared));
  section_.push_back(interface);
  if (interfaces_.size() <= kInterfacesMax) return true;
  return fail("it has more than " + std::to_string(kInterfacesMax) + " interfaces");
}

bool PcapngFile::take_packet(CaptureRecord& record, std::uint32_t interface) {
  if (interface >= section_.size()) {
    return fail("a packet is of interface " + std::to_string(interface) +
                ", which is declared nowhere in front of it");
  }
  const Interface& captured_on = section_[interface];
  const Bytes data = body_.subspan(kPacketBytes);
  const std::size_t captured_bytes = load32(body_, 12);
  if (captured_bytes > data.size()) return fail_too_short();
  record.time = captured_on.unit.at(std::uint64_t{load32(body_, 4)} << 32 | load32(body_, 8));
  record.frame = data.first(captured_bytes);
  record.original_bytes = load32(body_, 16);
  record.link_type = captured_on.link_type;
  record.interface = captured_on.index;
  record.direction = direction_in(data.subspan(std::min(padded(captured_bytes), data.size())));
  return true;
}

// What goes wrong in them is nothing to the packet.
PacketType PcapngFile::direction_in(Bytes options) const {
  constexpr std::uint32_t kInbound = 1;
  constexpr std::uint32_t kOutbound = 2;
  PacketType direction = PacketType::kUnknown;
  each_option(options, [&](std::uint16_t code, Bytes value) {
    if (code != kPacketFlags || value.size() != sizeof(std::uint32_t)) return;
    const std::uint32_t way = load32(value, 0) & 3;
    if (way == kInbound) direction = PacketType::kIncoming;
    if (way == kOutbound) direction = PacketType::kOutgoing;
  });
  return direction;
}

// It is of the section's first interface, has no time, and does not say how much was captured: all
// that there is, but for what fills it up.
bool PcapngFile::take_simple_packet(CaptureRecord& record) {
  if (body_.size() < kSimplePacketBytes) return fail_too_short();
  if (section_.empty()) return fail("a packet stands in front of the first interface");
  const Interface& captured_on = section_.front();
  const Bytes data = body_.subspan(kSimplePacketBytes);
  record.original_bytes = load32(body_, 0);
  std::size_t bytes = std::min(record.original_bytes, data.size());
  const std::size_t snap_bytes = captured_on.snap_bytes;
  if (snap_bytes > 0 && snap_bytes < bytes && padded(snap_bytes) == data.size()) {
    bytes = snap_bytes;
  }
  record.time = Instant();
  record.frame = data.first(bytes);
  record.link_type = captured_on.link_type;
  record.interface = captured_on.index;
  record.direction = PacketType::kUnknown;
  return true;
}

}  // namespace lossy
