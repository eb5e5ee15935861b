// The one place where an Address meets what the operating system calls one, and where host names
// are looked up.
#pragma once

#include <sys/socket.h>

#include <string_view>

#include "core/address.hpp"

namespace lossy {

// A sockaddr of either family, with room for both.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_storage);

  SocketAddress() = default;
  explicit SocketAddress(const Address& address);

  sockaddr* data() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage); }

  // The family must be AF_INET or AF_INET6: else std::logic_error.
  Address to_address() const;
};

// The same host, at another port.
Address with_port(const Address& host, std::uint16_t port);

// Reads what Address::parse() reads, and "HOST:PORT" with a name in place of the address
// ("localhost:9999") or an interface's name as the scope ("[fe80::1%eth0]:9999"). A name with
// addresses of both families stands for its first IPv4 one, which is what programs that open an
// IPv4 socket, as the tutorial's do, would take it for. An IPv4 address in IPv6's words
// ([::ffff:127.0.0.1]:9999) is the IPv4 address. Asks the system's resolver, which may take
// seconds. Throws TextError when the text is no address, and std::system_error when the host is not
// found; both name the text.
Address resolve(std::string_view text);

// The same of a server that is spoken to: one host, at a port. Addresses of many, IPv4's broadcast
// and multicast, which no answer comes from, and port 0 are refused with a TextError.
Address resolve_server(std::string_view text);

}  // namespace lossy
