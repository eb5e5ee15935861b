#include <lossy/harness/capture/reassembler.hpp>

#include <algorithm>
#include <utility>

#include <lossy/core/check.hpp>

namespace lossy {

Reassembler::Reassembler(const ReassemblyLimits& limits) : limits_(limits) {
  check(limits.packets_max >= 1, "Reassembler: there must be room for a packet");
  check(limits.bytes_max >= std::size_t{1} << 18, "Reassembler: a packet may take 256 KiB");
}

Decoded Reassembler::decode(const CaptureRecord& record) {
  Decoded decoded = decode_record(record);
  const auto is_fragment = [&] {
    const auto* const skipped = std::get_if<Skipped>(&decoded);
    return skipped != nullptr && skipped->reason == SkipReason::kFragment;
  };
  if (!is_fragment()) [[likely]]
    return decoded;
  Fragment fragment;  // Rare enough to decode twice, and too large to prepare for every frame.
  const DecodeOptions options{.fragment = &fragment, .inner = record.inner};
  decode_record(record, options);
  // Each time a packet ends that was waiting, so this ends.
  while (is_fragment()) {
    Fragment whole;
    if (const auto reason = add(record, fragment, whole)) {
      decoded = Skipped{*reason, fragment.packet.carriers};
      break;
    }
    decoded = decode_packet(whole, options);
  }
  return decoded;  // Always the same object: it is made where the caller wants it.
}

std::optional<SkipReason> Reassembler::add(const CaptureRecord& record, const Fragment& fragment,
                                           Fragment& whole) {
  expire(record.time);
  const std::size_t size = fragment.bytes.size();
  // IPv4's length counts the header, of 20 bytes at least.
  const std::size_t bytes_max = kPacketBytesMax - (fragment.packet.source.is_v6() ? 0 : 20);
  if (size == 0 || fragment.offset + size > bytes_max ||
      (fragment.more && size % kBlockBytes != 0)) {
    return SkipReason::kBadFragment;
  }
  Packet& packet = packet_of(record, fragment);
  if (packet.refusal) return *packet.refusal;
  if (is_copy(packet, fragment)) {
    ++counters_.copies;
    ++packet.pieces;
    return SkipReason::kFragment;
  }
  if (const auto reason = objection(packet, fragment)) return refuse(packet, *reason);
  store(packet, fragment);
  if (!packet.size || packet.blocks < (*packet.size + kBlockBytes - 1) / kBlockBytes) {
    evict();
    return SkipReason::kFragment;
  }
  ++counters_.whole;
  counters_.joined += packet.pieces - 1;
  whole = packet.first;
  whole.packet.ip_checksum = packet.ip_checksum;
  bytes_ -= packet.bytes.capacity();
  whole_ = std::exchange(packet.bytes, std::vector<std::byte>());
  whole.bytes = whole_;
  drop(index_.find(packet.key)->second);
  return std::nullopt;
}

Reassembler::Packet& Reassembler::packet_of(const CaptureRecord& record, const Fragment& fragment) {
  const Frame& frame = fragment.packet;
  const Key key{.source = frame.source,
                .destination = frame.destination,
                .identification = fragment.identification,
                .captured_on = record.interface,
                .interface = frame.interface,
                .type = frame.type,
                .vlan = frame.vlan,
                .protocol = frame.source.is_v6() ? std::uint8_t{0} : fragment.protocol};
  if (const auto found = index_.find(key); found != index_.end()) {
    if (!is_too_old(*found->second, record.time)) return *found->second;
    if (!found->second->refusal) ++counters_.expired;
    drop(found->second);
  }
  Packet& packet = packets_.emplace_back();
  packet.key = key;
  packet.first_seen = record.time;
  index_.emplace(key, std::prev(packets_.end()));
  ++waiting_;
  bytes_ += sizeof(Packet);
  return packet;
}

bool Reassembler::is_copy(const Packet& packet, const Fragment& fragment) {
  const std::size_t first = fragment.offset / kBlockBytes;
  const std::size_t end = fragment.offset + fragment.bytes.size();
  if (end > packet.bytes.size() || !packet.starts[first]) return false;
  const bool is_last = packet.size == end;
  if (is_last == fragment.more) return false;
  std::size_t block = first;
  do {
    if (!packet.present[block]) return false;
    ++block;
  } while (block * kBlockBytes < end && !packet.starts[block]);
  // Where the piece that is there ends, this one ends, too.
  if (block * kBlockBytes < end) return false;
  const bool goes_on = !is_last && packet.present[block] && !packet.starts[block];
  return !goes_on &&
         std::equal(fragment.bytes.begin(), fragment.bytes.end(),
                    packet.bytes.begin() + static_cast<std::ptrdiff_t>(fragment.offset));
}

std::optional<SkipReason> Reassembler::objection(const Packet& packet, const Fragment& fragment) {
  const std::size_t end = fragment.offset + fragment.bytes.size();
  for (std::size_t at = fragment.offset; at < end; at += kBlockBytes) {
    if (packet.present[at / kBlockBytes]) return SkipReason::kFragmentOverlap;
  }
  const bool beyond_the_last = packet.size && (end > *packet.size || !fragment.more);
  const bool last_before_others = !fragment.more && end < packet.bytes.size();
  if (beyond_the_last || last_before_others) return SkipReason::kBadFragment;
  return std::nullopt;
}

void Reassembler::store(Packet& packet, const Fragment& fragment) {
  const std::size_t end = fragment.offset + fragment.bytes.size();
  if (end > packet.bytes.size()) {
    bytes_ -= packet.bytes.capacity();
    packet.bytes.resize(end);
    bytes_ += packet.bytes.capacity();
  }
  std::copy(fragment.bytes.begin(), fragment.bytes.end(),
            packet.bytes.begin() + static_cast<std::ptrdiff_t>(fragment.offset));
  packet.starts.set(fragment.offset / kBlockBytes);
  for (std::size_t at = fragment.offset; at < end; at += kBlockBytes) {
    packet.present.set(at / kBlockBytes);
    ++packet.blocks;
  }
  ++packet.pieces;
  if (fragment.offset == 0) packet.first = fragment;
  if (fragment.packet.ip_checksum != Checksum::kGood && packet.ip_checksum != Checksum::kBad) {
    packet.ip_checksum = fragment.packet.ip_checksum;
  }
  if (!fragment.more) packet.size = end;
}

// What comes later of the packet is refused as well, until it has become too old.
SkipReason Reassembler::refuse(Packet& packet, SkipReason reason) {
  packet.refusal = reason;
  ++counters_.refused;
  --waiting_;
  bytes_ -= packet.bytes.capacity();
  packet.bytes = std::vector<std::byte>();  // Not "= {}", which keeps the memory.
  return reason;
}

void Reassembler::drop(Packets::iterator packet) {
  if (!packet->refusal) --waiting_;
  bytes_ -= packet->bytes.capacity() + sizeof(Packet);
  index_.erase(packet->key);
  packets_.erase(packet);
}

bool Reassembler::is_too_old(const Packet& packet, Instant now) const {
  const Duration age = saturating_between(packet.first_seen, now);
  return age > limits_.age_max || age < -limits_.age_max;
}

void Reassembler::expire(Instant now) {
  while (!packets_.empty() && is_too_old(packets_.front(), now)) {
    if (!packets_.front().refusal) ++counters_.expired;
    drop(packets_.begin());
  }
}

// The newest packet stays: it fits by itself.
void Reassembler::evict() {
  while (packets_.size() > 1 &&
         (packets_.size() > limits_.packets_max || bytes_ > limits_.bytes_max)) {
    if (!packets_.front().refusal) ++counters_.evicted;
    drop(packets_.begin());
  }
}

}  // namespace lossy
