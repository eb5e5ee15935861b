#include "harness/net/udp_socket.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

#include "core/check.hpp"
#include "harness/net/socket_address.hpp"

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
};

// "cannot listen on 127.0.0.1:9999 (another program has ...): Address already in use".
[[noreturn]] void fail(int error, const char* attempted, const Address& address) {
  std::string what = std::string("cannot ") + attempted + ' ' + address.to_string();
  for (const Hint& hint : kHints) {
    if (hint.error == error) what += std::string(" (") + hint.text + ')';
  }
  // Ports below net.ipv4.ip_unprivileged_port_start, usually 1024, are for privileged programs.
  if (error == EACCES && address.port() < 1024) what += " (ports below 1024 need privileges)";
  throw std::system_error(error, std::generic_category(), what);
}

FileDescriptor open_socket(const Address& address, const char* attempted) {
  const int family = address.is_v6() ? AF_INET6 : AF_INET;
  FileDescriptor fd(::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP));
  if (fd.number() < 0) fail(errno, attempted, address);
  const int on = 1;
  if (address.is_v6() &&
      ::setsockopt(fd.number(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) {
    fail(errno, attempted, address);
  }
  return fd;
}

bool is_unspecified(const Address& address) {
  return address.octets() == std::array<std::uint8_t, 16>{};
}

void set_option(const UdpSocket& socket, int level, int name, const Address& address) {
  const int on = 1;
  if (::setsockopt(socket.fd(), level, name, &on, sizeof on) != 0) {
    fail(errno, "listen on", address);
  }
}

// Room for the one control message that we use: which local address a datagram arrived at, or
// leaves from.
struct Control {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in6_pktinfo))> bytes{};
};

// A local address that can be answered from; nothing for a multicast one.
std::optional<Address> local_of(msghdr& message) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(part), sizeof info);
      std::array<std::uint8_t, 4> octets{};
      std::memcpy(octets.data(), &info.ipi_spec_dst, octets.size());
      return Address::v4(octets, 0);
    }
    if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(part), sizeof info);
      if (IN6_IS_ADDR_MULTICAST(&info.ipi6_addr)) return std::nullopt;
      std::array<std::uint8_t, 16> octets{};
      std::memcpy(octets.data(), &info.ipi6_addr, octets.size());
      // Only a link-local address says nothing without its interface; for any other, routing
      // decides where the answer leaves.
      const bool link_local = IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr);
      return Address::v6(octets, 0, link_local ? info.ipi6_ifindex : 0);
    }
  }
  return std::nullopt;
}

template <typename Info>
void add_control(msghdr& message, Control& control, int level, int type, const Info& info) {
  message.msg_control = control.bytes.data();
  message.msg_controllen = CMSG_SPACE(sizeof info);
  cmsghdr* part = CMSG_FIRSTHDR(&message);
  part->cmsg_level = level;
  part->cmsg_type = type;
  part->cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(part), &info, sizeof info);
}

void send_from(msghdr& message, Control& control, const Address& local) {
  if (local.is_v6()) {
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, local.octets().data(), sizeof info.ipi6_addr);
    info.ipi6_ifindex = local.scope_id();
    add_control(message, control, IPPROTO_IPV6, IPV6_PKTINFO, info);
  } else {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, local.octets().data(), sizeof info.ipi_spec_dst);
    add_control(message, control, IPPROTO_IP, IP_PKTINFO, info);
  }
}

// Errors that only a mistake of ours can cause are thrown; all that depends on the network, or on
// the address that a peer claims to have, is an outcome.
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

UdpSocket UdpSocket::listen(const Address& address) {
  // Without SO_REUSEADDR: on UDP it would let two servers share a port, one of them hearing
  // nothing.
  UdpSocket socket(open_socket(address, "listen on"));
  const SocketAddress name(address);
  if (is_unspecified(address)) {
    set_option(socket, address.is_v6() ? IPPROTO_IPV6 : IPPROTO_IP,
               address.is_v6() ? IPV6_RECVPKTINFO : IP_PKTINFO, address);
  }
  if (::bind(socket.fd(), name.data(), name.size) != 0) fail(errno, "listen on", address);
  return socket;
}

UdpSocket UdpSocket::connect(const Address& peer) {
  UdpSocket socket(open_socket(peer, "reach"));
  const SocketAddress name(peer);
  if (::connect(socket.fd(), name.data(), name.size) != 0) fail(errno, "reach", peer);
  SocketAddress actual;
  if (::getpeername(socket.fd(), actual.data(), &actual.size) != 0) fail(errno, "reach", peer);
  socket.peer_ = actual.to_address();
  return socket;
}

Address UdpSocket::local_address() const {
  SocketAddress name;
  if (::getsockname(fd(), name.data(), &name.size) != 0) {
    throw std::system_error(errno, std::generic_category(), "cannot tell a socket's address");
  }
  return name.to_address();
}

Received UdpSocket::receive(std::span<std::byte> buffer) {
  SocketAddress source;
  iovec part{buffer.data(), buffer.size()};
  Control control;
  msghdr message{};
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  message.msg_name = source.data();
  message.msg_namelen = source.size;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  ssize_t size = 0;
  do {
    // MSG_TRUNC asks for the datagram's own size instead of what fitted the buffer.
    size = ::recvmsg(fd(), &message, MSG_TRUNC);
  } while (size < 0 && errno == EINTR);
  if (size < 0) return {.outcome = outcome_of(errno, "cannot receive from a UDP socket")};
  const bool whole = static_cast<std::size_t>(size) <= buffer.size();
  return {whole ? SocketOutcome::kDone : SocketOutcome::kTooLong, source.to_address(),
          static_cast<std::size_t>(size), local_of(message)};
}

SocketOutcome UdpSocket::send(const Address& destination, std::span<const std::byte> payload,
                              const std::optional<Address>& local) {
  check(!peer_ || *peer_ == destination, "UdpSocket: connected to another address");
  SocketAddress name(destination);
  iovec part{const_cast<std::byte*>(payload.data()), payload.size()};
  Control control;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!peer_) {
    message.msg_name = name.data();
    message.msg_namelen = name.size;
  }
  if (local) send_from(message, control, *local);
  ssize_t size = 0;
  do {
    size = ::sendmsg(fd(), &message, 0);
  } while (size < 0 && errno == EINTR);
  return size < 0 ? outcome_of(errno, "cannot send from a UDP socket") : SocketOutcome::kDone;
}

}  // namespace lossy
