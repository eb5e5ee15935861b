#include <lossy/harness/net/client_crowd.hpp>

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include <lossy/core/check.hpp>
#include <lossy/harness/net/socket_address.hpp>

namespace lossy {
namespace {

// What one client may send in a row.
constexpr int kDatagramsInARow = 256;
// What ICMP may say in a row.
constexpr int kErrorsInARow = 64;

// A slot, and how many sockets were opened before its own: no later one is taken for it.
constexpr unsigned kOpenedBits = 32;
constexpr std::uint64_t kOpenedMask = (std::uint64_t{1} << kOpenedBits) - 1;
constexpr std::size_t kOpenMax = std::size_t{1} << 16;

// From now on the socket is told what ICMP says, though it is not connected.
void hear_errors(const UdpSocket& socket, const Address& server) {
  const int on = 1;
  const int outcome = server.is_v6()
                          ? ::setsockopt(socket.fd(), IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on)
                          : ::setsockopt(socket.fd(), IPPROTO_IP, IP_RECVERR, &on, sizeof on);
  if (outcome != 0) {
    throw std::system_error(errno, std::generic_category(), "cannot ask for what ICMP says");
  }
}

// The next error that ICMP has told the socket.
std::optional<SocketOutcome> take_error(const UdpSocket& socket) {
  alignas(cmsghdr) std::array<std::byte, 512> control{};
  msghdr message{};
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  if (::recvmsg(socket.fd(), &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return std::nullopt;
  for (const cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, const_cast<cmsghdr*>(part))) {
    const bool v4 = part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_RECVERR;
    const bool v6 = part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_RECVERR;
    if (!v4 && !v6) continue;
    const auto* const error = reinterpret_cast<const sock_extended_err*>(CMSG_DATA(part));
    return outcome_of(static_cast<int>(error->ee_errno), "cannot read what ICMP says");
  }
  return SocketOutcome::kUnreachable;
}

}  // namespace

struct ClientCrowd::Slot {
  Slot(std::size_t its_index, std::uint64_t its_opened, UdpSocket its_socket)
      : index(its_index), opened(its_opened), socket(std::move(its_socket)) {}

  std::uint64_t key() const { return std::uint64_t{index} << kOpenedBits | (opened & kOpenedMask); }

  std::size_t index;
  std::uint64_t opened;
  UdpSocket socket;
  Client* client = nullptr;
  Instant told{};        // What the client was told last.
  bool refused = false;  // Something was heard from ICMP.
};

ClientCrowd::ClientCrowd(EventLoop& loop, Source& source, const Options& options)
    : loop_(loop), source_(source), slots_(options.open_max), timers_(options.open_max) {
  check(options.open_max > 0 && options.open_max < kOpenMax, "ClientCrowd: outside its range");
  const UdpSocket probe = UdpSocket::connect(options.server);
  server_ = *probe.peer();
  local_ = with_port(probe.local_address(), 0);
  for (std::size_t i = options.open_max; i > 0; --i) free_.push_back(i - 1);
  loop.add(*this);
}

ClientCrowd::~ClientCrowd() = default;

void ClientCrowd::handle_ready(std::uint64_t key) {
  Slot* const slot = slots_[key >> kOpenedBits].get();
  if (slot == nullptr || slot->key() != key) return;  // It has ended in this very moment.
  take_errors(*slot, loop_.now());
  if (slot == blocked_) {
    if (flush(*slot)) settle(*slot);
    return;
  }
  received_.receive(slot->socket);
  loop_.read_clock();
  for (const Received& received : received_.datagrams()) {
    slot->told = std::max(slot->told, loop_.now() - received.waited);
    slot->client->handle_datagram(slot->told, {received.source, received.payload});
  }
  work(*slot, loop_.read_clock());
}

void ClientCrowd::handle_timeout(Instant now) {
  for (std::size_t left = open_; left > 0 && timers_.when() <= now && blocked_ == nullptr; --left) {
    Slot& slot = *slots_[timers_.source()];
    slot.client->handle_timeout(now);
    work(slot, now);
  }
  start_due(now);
}

std::optional<Instant> ClientCrowd::poll_timeout() const {
  if (blocked_ != nullptr) return std::nullopt;
  Instant when = open_ > 0 ? timers_.when() : Instant::max();
  if (const auto start = source_.next_start(); start && !starved_) when = std::min(when, *start);
  return when == Instant::max() ? std::nullopt : std::optional(when);
}

void ClientCrowd::start_due(Instant now) {
  // A few at a time: those that are there have their turn in between.
  for (int left = 16; left > 0 && blocked_ == nullptr; --left) {
    const std::optional<Instant> start = source_.next_start();
    if (!start || *start > now) return;
    if (free_.empty() && !end_complete()) {
      starved_ = true;
      return;
    }
    open(now);
  }
}

bool ClientCrowd::end_complete() {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    Slot* const slot = slots_[complete_from_++ % slots_.size()].get();
    if (slot == nullptr || !slot->client->is_complete() || slot == blocked_) continue;
    end(*slot);
    return true;
  }
  return false;
}

void ClientCrowd::open(Instant now) {
  std::optional<UdpSocket> socket;
  try {
    socket = UdpSocket::listen(local_);
    hear_errors(*socket, server_);
    socket->stamp_arrivals();
  } catch (const std::system_error&) {
    // No descriptor, port or memory: there will be when somebody has ended.
    if (open_ == 0) throw;
    starved_ = !end_complete();
    return;
  }
  const std::size_t index = free_.back();
  free_.pop_back();
  slots_[index] = std::make_unique<Slot>(index, opened_++, *std::move(socket));
  ++open_;
  Slot& slot = *slots_[index];
  loop_.watch(slot.socket.fd(), *this, slot.key());
  slot.client = &source_.start(now);
  work(slot, now);
}

void ClientCrowd::work(Slot& slot, Instant now) {
  slot.told = now;
  for (int left = kDatagramsInARow; left > 0 && blocked_ == nullptr; --left) {
    const auto transmit = slot.client->poll_transmit(now, to_send_.room());
    if (!transmit) break;
    to_send_.add(transmit->destination, transmit->size);
    if (to_send_.full()) flush(slot);
  }
  if (blocked_ == nullptr) flush(slot);
  settle(slot);
}

bool ClientCrowd::flush(Slot& slot) {
  if (to_send_.empty()) return true;
  // What ICMP said of an earlier datagram would be taken for what became of the next.
  if (slot.refused) take_errors(slot, loop_.now());
  const bool blocks = to_send_.flush(slot.socket) == SocketOutcome::kWouldBlock;
  if (blocks != (blocked_ != nullptr)) {
    blocked_ = blocks ? &slot : nullptr;
    loop_.watch(slot.socket.fd(), *this, slot.key(),
                blocks ? EventLoop::Wait::kWritable : EventLoop::Wait::kReadable);
  }
  return !blocks;
}

void ClientCrowd::take_errors(Slot& slot, Instant now) {
  for (int left = kErrorsInARow; left > 0; --left) {
    const std::optional<SocketOutcome> outcome = take_error(slot.socket);
    if (!outcome) return;
    const bool from_icmp = *outcome == SocketOutcome::kRefused ||
                           *outcome == SocketOutcome::kUnreachable ||
                           *outcome == SocketOutcome::kTooLong;
    if (!from_icmp) continue;
    slot.refused = true;
    slot.client->handle_icmp(now, *outcome);
  }
}

void ClientCrowd::settle(Slot& slot) {
  if (slot.client->has_ended() && blocked_ != &slot) {
    end(slot);
    return;
  }
  if (slot.client->is_complete()) starved_ = false;
  timers_.set(slot.index, slot.client->poll_timeout().value_or(Instant::max()));
}

void ClientCrowd::end(Slot& slot) {
  const std::size_t index = slot.index;
  const SocketReport report{slot.socket.counters(), slot.socket.kernel_drops()};
  Client& client = *slot.client;
  timers_.set(index, Instant::max());
  if (blocked_ == &slot) {
    to_send_.drop(slot.socket);
    blocked_ = nullptr;
  }
  slots_[index].reset();
  free_.push_back(index);
  --open_;
  starved_ = false;
  source_.end(client, report);
}

void ClientCrowd::end_all() {
  for (const auto& slot : slots_) {
    if (slot) end(*slot);
  }
}

}  // namespace lossy
