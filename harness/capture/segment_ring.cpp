#include <lossy/harness/capture/segment_ring.hpp>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

#include <lossy/harness/capture/segment_filter.hpp>

namespace lossy {
namespace {

// A slot has the kernel's header, a VirtioHeader, the link's and the beginning of the packet.
constexpr std::size_t kSlotBytes = 160;
constexpr std::size_t kBlockBytes = 64 * 1024;
constexpr std::size_t kSlotsInBlock = kBlockBytes / kSlotBytes;
constexpr std::size_t kRingBytesMin = std::size_t{4} << 20;
constexpr std::size_t kRingBytesMax = std::size_t{64} << 20;

// Linux's virtio_net_hdr, in the machine's byte order. (C++ cannot include linux/virtio_net.h.)
struct VirtioHeader {
  std::uint8_t flags = 0;
  std::uint8_t merged = 0;
  std::uint16_t header_bytes = 0;
  std::uint16_t segment_bytes = 0;
  std::uint16_t udp_at = 0;  // From the link's header on; only with kNeedsChecksum.
  std::uint16_t checksum_at = 0;
};
constexpr std::uint8_t kNeedsChecksum = 1;
constexpr std::uint8_t kMergedUdp = 5;

template <typename Value>
bool set_option(int fd, int level, int name, const Value& value) {
  return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

// Where the capture's socket has it, this one has it, too.
void copy_option(int from, int to, int name) {
  int value = 0;
  ::socklen_t size = sizeof value;
  if (::getsockopt(from, SOL_PACKET, name, &value, &size) == 0 && value != 0) {
    (void)set_option(to, SOL_PACKET, name, value);
  }
}

std::string refusal(const char* what) {
  return std::string(what) + ": " + std::generic_category().message(errno);
}

// The merged packet in a slot, if it is one.
std::optional<MergedPacket> read_slot(std::span<const std::byte> slot) {
  tpacket2_hdr header{};
  std::memcpy(&header, slot.data(), sizeof header);
  const std::size_t link_at = header.tp_mac;
  const std::size_t packet_at = header.tp_net;
  const std::size_t end = link_at + header.tp_snaplen;
  VirtioHeader virtio;
  // Where a long link header leaves no room, the kernel writes no VirtioHeader.
  const bool has_room = link_at >= sizeof header + sizeof virtio && packet_at >= link_at &&
                        end >= packet_at && end <= slot.size();
  if (!has_room) return std::nullopt;
  std::memcpy(&virtio, slot.data() + link_at - sizeof virtio, sizeof virtio);
  if (virtio.merged != kMergedUdp) return std::nullopt;
  MergedPacket packet{.beginning = beginning_of(slot.subspan(packet_at, end - packet_at)),
                      .time = Instant(std::chrono::seconds(header.tp_sec) +
                                      std::chrono::nanoseconds(header.tp_nsec)),
                      .segment_bytes = virtio.segment_bytes};
  if ((virtio.flags & kNeedsChecksum) != 0) {
    packet.udp_at = static_cast<std::uint16_t>(virtio.udp_at - (packet_at - link_at));
  }
  return packet;
}

}  // namespace

std::variant<SegmentRing, std::string> SegmentRing::open(const LiveCapture& capture,
                                                         std::size_t capture_buffer_bytes) {
  SegmentRing ring;
  ring.fd_ = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);  // Nothing comes before it is bound.
  const int fd = ring.fd_;
  if (fd < 0) return refusal("the kernel gives no second packet socket");
  const int yes = 1;
  const int version = TPACKET_V2;  // Each packet is there when it comes, and not a block of them.
  if (!set_option(fd, SOL_PACKET, PACKET_VERSION, version) ||
      !set_option(fd, SOL_PACKET, PACKET_VNET_HDR, yes)) {
    return refusal("the kernel does not say what is merged");
  }
  // A packet that has a time of its own has the same one in both sockets.
  (void)set_option(fd, SOL_SOCKET, SO_TIMESTAMPNS, yes);
  copy_option(capture.fd(), fd, PACKET_TIMESTAMP);
  copy_option(capture.fd(), fd, PACKET_IGNORE_OUTGOING);

  const SegmentFilter filter = set_segment_filter(fd);
  if (filter == SegmentFilter::kRefused) return refusal("the kernel refuses a filter");
  // With all packets in it, it must last as long as the capture's buffer does.
  const std::size_t bytes = std::clamp(
      filter == SegmentFilter::kPackets ? capture_buffer_bytes : capture_buffer_bytes / 8,
      kRingBytesMin, kRingBytesMax);
  tpacket_req request{};
  request.tp_block_size = kBlockBytes;
  request.tp_block_nr = static_cast<unsigned>(bytes / kBlockBytes);
  request.tp_frame_size = kSlotBytes;
  request.tp_frame_nr = static_cast<unsigned>(request.tp_block_nr * kSlotsInBlock);
  if (!set_option(fd, SOL_PACKET, PACKET_RX_RING, request)) return refusal("there is no memory");
  ring.bytes_ = std::size_t{request.tp_block_nr} * kBlockBytes;
  ring.slots_ = request.tp_frame_nr;
  void* const memory = ::mmap(nullptr, ring.bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) return refusal("there is no memory");
  ring.memory_ = static_cast<std::byte*>(memory);

  // The latest socket of an interface is the first to be told.
  sockaddr_ll interface {};
  ::socklen_t size = sizeof interface;
  auto* const address = reinterpret_cast<sockaddr*>(&interface);
  bool is_bound = ::getsockname(capture.fd(), address, &size) == 0;
  interface.sll_protocol = htons(ETH_P_ALL);
  is_bound = is_bound && ::bind(fd, address, sizeof interface) == 0;
  if (!is_bound) return refusal("the kernel tells a second socket nothing");
  return ring;
}

SegmentRing::SegmentRing(SegmentRing&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      memory_(std::exchange(other.memory_, nullptr)),
      bytes_(other.bytes_),
      slots_(other.slots_),
      next_(other.next_),
      was_full_(other.was_full_),
      missed_(other.missed_) {}

SegmentRing::~SegmentRing() {
  if (memory_ != nullptr) ::munmap(memory_, bytes_);
  if (fd_ >= 0) ::close(fd_);
}

// None lies across two blocks.
std::byte* SegmentRing::slot(std::size_t number) const {
  return memory_ + number / kSlotsInBlock * kBlockBytes + number % kSlotsInBlock * kSlotBytes;
}

void SegmentRing::drain(SegmentSizes& sizes) {
  std::size_t drained = 0;
  for (;; ++drained) {
    std::byte* const at = slot(next_);
    const std::atomic_ref status(reinterpret_cast<tpacket2_hdr*>(at)->tp_status);
    if ((status.load(std::memory_order_acquire) & TP_STATUS_USER) == 0) break;
    if (const auto merged = read_slot(std::span(at, kSlotBytes))) sizes.remember(*merged);
    status.store(TP_STATUS_KERNEL, std::memory_order_release);
    next_ = next_ + 1 == slots_ ? 0 : next_ + 1;
  }
  was_full_ = was_full_ || drained >= slots_;
}

// The kernel counts both in one number, which begins again whenever it is asked for.
SegmentRing::Missed SegmentRing::missed() {
  tpacket_stats statistics{};
  ::socklen_t size = sizeof statistics;
  if (::getsockopt(fd_, SOL_PACKET, PACKET_STATISTICS, &statistics, &size) == 0) {
    (was_full_ ? missed_.any : missed_.merged) += statistics.tp_drops;
  }
  return missed_;
}

}  // namespace lossy
