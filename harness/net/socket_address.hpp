// The one place where an Address meets what the operating system calls one, and where host names
// are looked up.
#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>

#include <lossy/core/address.hpp>

namespace lossy {

// A sockaddr of either family, with room for both.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_storage);

  SocketAddress() = default;
  explicit SocketAddress(const Address& address);
  // An IPv4 address in IPv6's words (RFC 4291 section 2.5.5.2), as a socket of both families has
  // it; an IPv6 one as it is.
  static SocketAddress in_ipv6(const Address& address);

  sockaddr* data() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage); }

  // An IPv4 address in IPv6's words is the IPv4 address. The family must be AF_INET or AF_INET6:
  // else std::logic_error.
  Address to_address() const;
};

// Where to listen: at one address, or at all of this machine's, IPv4's and IPv6's at once.
struct ListenAddress {
  ListenAddress(const Address& one) : address(one) {}  // Implicit: most often it is one.
  // All of them. Where the machine has no IPv6, IPv4's.
  static ListenAddress all(std::uint16_t port);

  std::string to_string() const;  // "127.0.0.1:9999", "*:9999".

  Address address;  // [::] when it stands for both families.
  bool both_families = false;
};

// The name of the interface with this number, or the number where there is none: what
// Address::name_zones() takes.
std::string zone_name(std::uint32_t number);

// Reads what Address::parse() reads, and "HOST:PORT" with a name in place of the address
// ("localhost:9999") or an interface's name as the zone ("[fe80::1%eth0]:9999"). A name with
// addresses of both families stands for its first IPv4 one, which is what programs that open an
// IPv4 socket, as the tutorial's do, would take it for. An IPv4 address in IPv6's words
// ([::ffff:127.0.0.1]:9999) is the IPv4 address. Asks the system's resolver, which may take
// seconds. Throws TextError when the text is no address, and std::system_error when the host is not
// found; both name the text.
//
// Numbers that programs read in different ways are no address (RFC 6943 section 3.1.1): 010.0.0.1,
// 0x7f.1, 127.1. Nor is a link-local one without a zone, which says nothing (RFC 4007).
Address resolve(std::string_view text);

// The same of one's own: not of many, which no answer could leave from. "*:9999" stands for all
// addresses of this machine.
ListenAddress resolve_listen(std::string_view text);

// The same of a server that is spoken to: one host, at a port. Addresses of many, IPv4's broadcast
// and multicast, which no answer comes from, and port 0 are refused with a TextError.
Address resolve_server(std::string_view text);

}  // namespace lossy
