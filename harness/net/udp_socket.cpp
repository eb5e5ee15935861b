#include <lossy/harness/net/udp_socket.hpp>

#include <linux/errqueue.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <numeric>
#include <string>
#include <system_error>
#include <utility>

#include <lossy/core/endpoint.hpp>
#include <lossy/harness/net/socket_address.hpp>

namespace lossy {
namespace {

struct Hint {
  int error;
  const char* text;
};

constexpr Hint kHints[] = {
    {EADDRINUSE,
     "another program has that port; end it or choose another, port 0 for any free one"},
    {EADDRNOTAVAIL, "no interface of this machine has that address"},
    {EAFNOSUPPORT, "this machine has IPv6 or IPv4 switched off"},
    {ENETUNREACH, "this machine has no route there"},
    {ENODEV, "no interface has that number"},
};

// "cannot listen on 127.0.0.1:9999 (another program has ...): Address already in use".
[[noreturn]] void fail(int error, const char* attempted, const ListenAddress& where) {
  std::string what = std::string("cannot ") + attempted + ' ' + where.to_string();
  for (const Hint& hint : kHints) {
    if (hint.error == error) what += std::string(" (") + hint.text + ')';
  }
  // Ports below net.ipv4.ip_unprivileged_port_start, usually 1024, are for privileged programs.
  if (error == EACCES && std::string_view(attempted) == "listen on" &&
      where.address.port() < 1024) {
    what += " (ports below 1024 need privileges)";
  } else if (error == EACCES) {
    what += " (it is a network's broadcast address, or a firewall of this machine forbids it)";
  }
  throw std::system_error(error, std::generic_category(), what);
}

// No descriptor, and errno, when the operating system refuses.
FileDescriptor open_socket(const ListenAddress& where) {
  const int family = where.address.is_v6() ? AF_INET6 : AF_INET;
  FileDescriptor fd(::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP));
  const int only = where.both_families ? 0 : 1;
  if (fd.number() >= 0 && where.address.is_v6() &&
      ::setsockopt(fd.number(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) != 0) {
    return FileDescriptor();
  }
  return fd;
}

// The most that the system allows: what is privileged is tried first. Less is no error.
void raise_buffer(int fd, int force, int name) {
  const int bytes = UdpSocket::kBufferBytesWanted;
  if (::setsockopt(fd, SOL_SOCKET, force, &bytes, sizeof bytes) == 0) return;
  ::setsockopt(fd, SOL_SOCKET, name, &bytes, sizeof bytes);
}

std::size_t buffer_bytes(int fd, int name) {
  int bytes = 0;
  socklen_t size = sizeof bytes;
  if (::getsockopt(fd, SOL_SOCKET, name, &bytes, &size) != 0) return 0;
  return static_cast<std::size_t>(bytes);
}

bool is_unspecified(const Address& address) {
  return address.octets() == std::array<std::uint8_t, 16>{};
}

void set_option(const UdpSocket& socket, int level, int name, const ListenAddress& where) {
  const int on = 1;
  if (::setsockopt(socket.fd(), level, name, &on, sizeof on) != 0) {
    fail(errno, "listen on", where);
  }
}

}  // namespace

std::string_view to_string(SocketOutcome outcome) {
  switch (outcome) {
    case SocketOutcome::kDone:
      return "done";
    case SocketOutcome::kWouldBlock:
      return "would_block";
    case SocketOutcome::kNoBuffers:
      return "no_buffers";
    case SocketOutcome::kTooLong:
      return "too_long";
    case SocketOutcome::kRefused:
      return "refused";
    case SocketOutcome::kUnreachable:
      break;
  }
  return "unreachable";
}

std::uint64_t SocketCounters::not_sent_in_all() const {
  return std::accumulate(not_sent.begin(), not_sent.end(), std::uint64_t{0});
}

std::uint64_t SocketCounters::reported_in_all() const {
  return std::accumulate(reported.begin(), reported.end(), std::uint64_t{0});
}

SocketCounters& SocketCounters::operator+=(const SocketCounters& other) {
  received += other.received;
  received_bytes += other.received_bytes;
  sent += other.sent;
  sent_bytes += other.sent_bytes;
  for (std::size_t i = 0; i < kSocketOutcomeCount; ++i) {
    not_sent[i] += other.not_sent[i];
    reported[i] += other.reported[i];
  }
  return *this;
}

SocketOutcome outcome_of(int error, const char* attempted) {
  switch (error) {
    case EAGAIN:
      return SocketOutcome::kWouldBlock;
    case ENOBUFS:
    case ENOMEM:
      return SocketOutcome::kNoBuffers;
    case EMSGSIZE:
      return SocketOutcome::kTooLong;
    case ECONNREFUSED:
      return SocketOutcome::kRefused;
    case EBADF:
    case EDESTADDRREQ:
    case EFAULT:
    case EISCONN:
    case ENOTSOCK:
      throw std::system_error(error, std::generic_category(), attempted);
    default:
      return SocketOutcome::kUnreachable;
  }
}

UdpSocket::UdpSocket(FileDescriptor fd) : fd_(std::move(fd)) {
  if (fd_.number() < 0) return;  // errno stays what it is.
  raise_buffer(fd_.number(), SO_RCVBUFFORCE, SO_RCVBUF);
  raise_buffer(fd_.number(), SO_SNDBUFFORCE, SO_SNDBUF);
  // Both are a matter of speed alone, and of the kernel's age.
  const int on = 1;
  ::setsockopt(fd_.number(), SOL_UDP, UDP_GRO, &on, sizeof on);
  const int none = 0;
  if (::setsockopt(fd_.number(), SOL_UDP, UDP_SEGMENT, &none, sizeof none) == 0) {
    segment_bytes_max_ = kPayloadBytesMax;
  }
}

UdpSocket UdpSocket::listen(const ListenAddress& where, Share share) {
  // Without SO_REUSEADDR: on UDP it would let two servers share a port, one of them hearing
  // nothing.
  UdpSocket socket(open_socket(where));
  if (socket.fd() < 0 && where.both_families && errno == EAFNOSUPPORT) {
    return listen(Address::v4({0, 0, 0, 0}, where.address.port()), share);
  }
  if (socket.fd() < 0) fail(errno, "listen on", where);
  socket.both_families_ = where.both_families;
  const bool v6 = where.address.is_v6();
  if (is_unspecified(where.address)) {
    if (v6) set_option(socket, IPPROTO_IPV6, IPV6_RECVPKTINFO, where);
    if (!v6 || where.both_families) set_option(socket, IPPROTO_IP, IP_PKTINFO, where);
  }
  if (share == Share::kYes) set_option(socket, SOL_SOCKET, SO_REUSEPORT, where);
  const SocketAddress name(where.address);
  if (::bind(socket.fd(), name.data(), name.size) != 0) fail(errno, "listen on", where);
  return socket;
}

UdpSocket UdpSocket::connect(const Address& peer) {
  std::optional<UdpSocket> socket = try_connect(peer);
  if (!socket) fail(errno, "reach", peer);
  return *std::move(socket);
}

std::optional<UdpSocket> UdpSocket::try_connect(const Address& peer) {
  UdpSocket socket(open_socket(peer));
  if (socket.fd() < 0 || !socket.connect_to(peer)) return std::nullopt;
  return socket;
}

void UdpSocket::restrict_to(const Address& peer) {
  if (!connect_to(peer)) fail(errno, "reach", peer);
}

bool UdpSocket::connect_to(const Address& peer) {
  const SocketAddress name(peer);
  SocketAddress actual;
  if (::connect(fd(), name.data(), name.size) != 0 ||
      ::getpeername(fd(), actual.data(), &actual.size) != 0) {
    return false;
  }
  peer_ = actual.to_address();
  return true;
}

bool UdpSocket::stamp_arrivals() {
  const int on = 1;
  stamps_arrivals_ = ::setsockopt(fd(), SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) == 0;
  return stamps_arrivals_;
}

bool UdpSocket::hear_refusals() {
  const int on = 1;
  const bool v6 = local_address().is_v6() || both_families_;
  hears_refusals_ =
      (!v6 || ::setsockopt(fd(), IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on) == 0) &&
      ((v6 && !both_families_) || ::setsockopt(fd(), IPPROTO_IP, IP_RECVERR, &on, sizeof on) == 0);
  return hears_refusals_;
}

std::optional<Address> UdpSocket::take_refusal() {
  if (!hears_refusals_) return std::nullopt;
  while (true) {
    SocketAddress destination;
    std::array<char, 256> control{};
    msghdr message{};
    message.msg_name = destination.data();
    message.msg_namelen = destination.size;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    if (::recvmsg(fd(), &message, MSG_ERRQUEUE) < 0) return std::nullopt;
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (header == nullptr || message.msg_namelen == 0) continue;
    sock_extended_err error{};
    std::memcpy(&error, CMSG_DATA(header), sizeof error);
    const SocketOutcome outcome =
        outcome_of(static_cast<int>(error.ee_errno), "cannot tell what ICMP said");
    ++counters_.reported[static_cast<std::size_t>(outcome)];
    if (outcome == SocketOutcome::kRefused) return destination.to_address();
  }
}

Address UdpSocket::local_address() const {
  SocketAddress name;
  if (::getsockname(fd(), name.data(), &name.size) != 0) {
    throw std::system_error(errno, std::generic_category(), "cannot tell a socket's address");
  }
  return name.to_address();
}

ListenAddress UdpSocket::listening() const {
  ListenAddress where(local_address());
  where.both_families = both_families_;
  return where;
}

std::uint32_t UdpSocket::kernel_drops() const {
  // SO_RXQ_OVFL would say it only with a datagram that comes later, if one ever does.
  std::array<std::uint32_t, SK_MEMINFO_VARS> memory{};
  socklen_t size = sizeof memory;
  if (::getsockopt(fd(), SOL_SOCKET, SO_MEMINFO, memory.data(), &size) != 0) return 0;
  return memory[SK_MEMINFO_DROPS];
}

std::size_t UdpSocket::receive_buffer_bytes() const {
  return buffer_bytes(fd(), SO_RCVBUF);
}

std::string UdpSocket::buffer_shortage() const {
  return lossy::buffer_shortage(receive_buffer_bytes(), buffer_bytes(fd(), SO_SNDBUF));
}

std::string more_room_hint() {
  return "allow more to wait with: sysctl -w net.core.rmem_max=" +
         std::to_string(UdpSocket::kBufferBytesWanted);
}

std::string buffer_shortage(std::size_t receive_bytes, std::size_t send_bytes) {
  // The kernel doubles what is asked for, for its own part of it.
  constexpr std::size_t kWanted = 2 * std::size_t{UdpSocket::kBufferBytesWanted};
  std::string bytes;
  std::string settings;
  const auto check = [&](const char* what, std::size_t got, const char* setting) {
    if (got >= kWanted) return;
    bytes += (bytes.empty() ? "" : " and ") + std::to_string(got) + " bytes to be " + what;
    settings +=
        std::string(" net.core.") + setting + '=' + std::to_string(UdpSocket::kBufferBytesWanted);
  };
  check("received", receive_bytes, "rmem_max");
  check("sent", send_bytes, "wmem_max");
  if (bytes.empty()) return {};
  return "the system lets only " + bytes +
         " wait, so that it may drop some of a burst beside what the path does; allow more with: "
         "sysctl -w" +
         settings;
}

}  // namespace lossy
