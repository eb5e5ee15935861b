#include <lossy/harness/net/datagram_batch.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include <lossy/core/check.hpp>

namespace lossy {
namespace {

// Nothing that UDP carries is longer (RFC 768), so nothing received is ever cut off.
constexpr std::size_t kMessageRoom = 65'535;
// Buffers that lay a power of two apart would fall into the same few lines of the cache.
constexpr std::size_t kMessageStride = kMessageRoom + 1 + 192;

constexpr std::size_t kSendBytes = 4 * 65'536;
constexpr std::size_t kSendMessagesMax = 64;
// The kernel's own bound on what it cuts, in every version (UDP_MAX_SEGMENTS).
constexpr std::size_t kSegmentsMax = 64;

Duration wall_clock() {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return std::chrono::seconds(time.tv_sec) + Duration(time.tv_nsec);
}

}  // namespace

ReceiveBatch::ReceiveBatch(std::size_t messages_max)
    : bytes_(std::make_unique_for_overwrite<std::byte[]>(messages_max * kMessageStride)),
      sources_(messages_max),
      controls_(messages_max),
      parts_(messages_max),
      messages_(messages_max) {
  for (std::size_t i = 0; i < messages_max; ++i) {
    parts_[i] = {bytes_.get() + i * kMessageStride, kMessageRoom};
    msghdr& message = messages_[i].msg_hdr;
    message.msg_name = sources_[i].data();
    message.msg_iov = &parts_[i];
    message.msg_iovlen = 1;
    message.msg_control = controls_[i].bytes.data();
    message.msg_namelen = sources_[i].size;
    message.msg_controllen = controls_[i].bytes.size();
  }
}

SocketOutcome ReceiveBatch::receive(UdpSocket& socket) {
  datagrams_.clear();
  int taken = 0;
  do {
    taken = ::recvmmsg(socket.fd(), messages_.data(), static_cast<unsigned>(messages_.size()), 0,
                       nullptr);
  } while (taken < 0 && errno == EINTR);
  if (taken < 0) {
    const SocketOutcome outcome = outcome_of(errno, "cannot receive from a UDP socket");
    if (outcome != SocketOutcome::kWouldBlock) {
      ++socket.counters_.reported[static_cast<std::size_t>(outcome)];
    }
    return outcome;
  }
  const Duration now = socket.stamps_arrivals_ ? wall_clock() : Duration{};
  for (std::size_t i = 0; i < static_cast<std::size_t>(taken); ++i) {
    const Address source = socket.peer_ ? *socket.peer_ : sources_[i].to_address();
    split(messages_[i], source, {bytes_.get() + i * kMessageStride, messages_[i].msg_len}, now);
    socket.counters_.received_bytes += messages_[i].msg_len;
    messages_[i].msg_hdr.msg_namelen = sources_[i].size;
    messages_[i].msg_hdr.msg_controllen = controls_[i].bytes.size();
  }
  socket.counters_.received += datagrams_.size();
  return SocketOutcome::kDone;
}

void ReceiveBatch::split(const mmsghdr& taken, const Address& source,
                         std::span<const std::byte> bytes, Duration now) {
  msghdr message = taken.msg_hdr;
  const ReceivedControl control = read_control(message);
  const std::size_t each = control.segment_bytes > 0 ? control.segment_bytes : bytes.size();
  const Duration waited =
      control.arrived ? std::max(now - *control.arrived, Duration::zero()) : Duration::zero();
  do {
    const std::size_t size = std::min(each, bytes.size());
    datagrams_.push_back({source, control.local, bytes.first(size), waited});
    bytes = bytes.subspan(size);
  } while (!bytes.empty());
}

SendBatch::SendBatch()
    : bytes_(std::make_unique_for_overwrite<std::byte[]>(kSendBytes)),
      destinations_(kSendMessagesMax),
      controls_(kSendMessagesMax),
      parts_(kSendMessagesMax),
      messages_(kSendMessagesMax),
      merged_(kSendMessagesMax) {
  datagrams_.reserve(kDatagramsMax);
}

bool SendBatch::full() const {
  return datagrams_.size() == kDatagramsMax || kSendBytes - bytes_used_ < kPayloadBytesMax;
}

std::span<std::byte> SendBatch::room() {
  check(!full(), "SendBatch: full");
  return {bytes_.get() + bytes_used_, kPayloadBytesMax};
}

void SendBatch::add(const Address& destination, std::size_t size,
                    const std::optional<Address>& local) {
  check(!full() && size <= kPayloadBytesMax, "SendBatch: full, or the datagram is too long");
  datagrams_.push_back({destination, local, bytes_used_, size});
  bytes_used_ += size;
}

void SendBatch::add(const Address& destination, std::span<const std::byte> payload,
                    const std::optional<Address>& local) {
  check(payload.size() <= kPayloadBytesMax, "SendBatch: the datagram is too long");
  if (!payload.empty()) std::memcpy(room().data(), payload.data(), payload.size());
  add(destination, payload.size(), local);
}

SocketOutcome SendBatch::flush(UdpSocket& socket) {
  while (next_ < datagrams_.size()) {
    const unsigned prepared = prepare(socket);
    const int sent = ::sendmmsg(socket.fd(), messages_.data(), prepared, 0);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return SocketOutcome::kWouldBlock;
      refuse(socket, errno);
      continue;
    }
    if (refused_) ++socket.counters_.reported[static_cast<std::size_t>(*refused_)];
    refused_.reset();
    for (std::size_t i = 0; i < static_cast<std::size_t>(sent); ++i) {
      socket.counters_.sent += merged_[i];
      socket.counters_.sent_bytes += parts_[i].iov_len;
      next_ += merged_[i];
    }
  }
  clear();
  return SocketOutcome::kDone;
}

void SendBatch::drop(UdpSocket& socket) {
  socket.counters_.not_sent[static_cast<std::size_t>(SocketOutcome::kWouldBlock)] +=
      datagrams_.size() - next_;
  clear();
}

unsigned SendBatch::prepare(const UdpSocket& socket) {
  unsigned prepared = 0;
  for (std::size_t first = next_; first < datagrams_.size() && prepared < kSendMessagesMax;) {
    const Queued& queued = datagrams_[first];
    check(!socket.peer_ || *socket.peer_ == queued.destination,
          "UdpSocket: connected to another address");
    const std::size_t merged = mergeable(socket, first);
    const Queued& last = datagrams_[first + merged - 1];
    parts_[prepared] = {bytes_.get() + queued.at, last.at + last.size - queued.at};
    merged_[prepared] = merged;
    msghdr& message = messages_[prepared].msg_hdr;
    message.msg_name = nullptr;
    message.msg_namelen = 0;
    if (!socket.peer_) {
      destinations_[prepared] = socket.both_families_ ? SocketAddress::in_ipv6(queued.destination)
                                                      : SocketAddress(queued.destination);
      message.msg_name = destinations_[prepared].data();
      message.msg_namelen = destinations_[prepared].size;
    }
    message.msg_iov = &parts_[prepared];
    message.msg_iovlen = 1;
    write_control(message, controls_[prepared], queued.local,
                  merged > 1 ? static_cast<std::uint16_t>(queued.size) : std::uint16_t{0});
    first += merged;
    ++prepared;
  }
  return prepared;
}

std::size_t SendBatch::mergeable(const UdpSocket& socket, std::size_t first) const {
  const Queued& queued = datagrams_[first];
  // The kernel cuts into pieces of one size of which only the last may be smaller.
  if (queued.size == 0 || queued.size > socket.segment_bytes_max_) return 1;
  std::size_t merged = 1;
  for (std::size_t bytes = queued.size; first + merged < datagrams_.size(); ++merged) {
    const Queued& next = datagrams_[first + merged];
    bytes += next.size;
    if (merged == kSegmentsMax || next.size == 0 || next.size > queued.size ||
        bytes > kPayloadBytesMaxV4 || next.destination != queued.destination ||
        next.local != queued.local) {
      break;
    }
    if (next.size < queued.size) return merged + 1;
  }
  return merged;
}

void SendBatch::refuse(UdpSocket& socket, int error) {
  const Queued& queued = datagrams_[next_];
  if (merged_[0] > 1 && (error == EINVAL || error == EMSGSIZE || error == EIO)) {
    // Larger than the interface carries, or it cannot cut at all (EIO): one by one, the kernel
    // sends the same datagrams.
    socket.segment_bytes_max_ = error == EIO ? 0 : queued.size - 1;
    return;
  }
  const SocketOutcome outcome = outcome_of(error, "cannot send from a UDP socket");
  // Of a socket that hears of it this may be what ICMP said of an earlier datagram. Then the second
  // try succeeds.
  const bool earlier = outcome == SocketOutcome::kRefused || outcome == SocketOutcome::kUnreachable;
  if ((socket.peer_ || socket.hears_refusals_) && earlier && !refused_) {
    refused_ = outcome;
    return;
  }
  refused_.reset();
  socket.counters_.not_sent[static_cast<std::size_t>(outcome)] += merged_[0];
  next_ += merged_[0];
}

void SendBatch::clear() {
  datagrams_.clear();
  next_ = 0;
  bytes_used_ = 0;
  refused_.reset();
}

}  // namespace lossy
