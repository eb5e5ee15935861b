#include "harness/net/socket_address.hpp"

#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include "core/check.hpp"
#include "harness/link/text.hpp"

namespace lossy {
namespace {

struct HostAndPort {
  std::string host;
  std::string port;
};

// "HOST:PORT" or "[HOST]:PORT". An IPv6 address without brackets is nothing, because it would leave
// open where the port begins.
std::optional<HostAndPort> split(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || text.find('\0') != std::string_view::npos) return {};
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find_first_of(":[]") != std::string_view::npos) {
    return {};
  }
  // getaddrinfo would also take "+9" and, cutting it off, "70000".
  const bool digits = port.find_first_not_of("0123456789") == std::string_view::npos;
  if (host.empty() || port.empty() || port.size() > 5 || !digits) return {};
  if (std::stoi(std::string(port)) > 65'535) return {};
  return HostAndPort{std::string(host), std::string(port)};
}

// The resolver's errors have numbers and texts of their own.
class ResolverCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "resolver"; }
  std::string message(int error) const override { return gai_strerror(error); }
};

[[noreturn]] void throw_not_found(int error, std::string_view text) {
  static const ResolverCategory resolver;
  const std::error_code code = error == EAI_SYSTEM ? std::error_code(errno, std::generic_category())
                                                   : std::error_code(error, resolver);
  throw std::system_error(code, "cannot find the host of " + quote(text));
}

Address address_of(const addrinfo& found) {
  SocketAddress address;
  address.size = found.ai_addrlen;
  std::memcpy(&address.storage, found.ai_addr, found.ai_addrlen);
  return address.to_address();
}

// "[::ffff:127.0.0.1]:9999" is 127.0.0.1:9999 in IPv6's words, and no address on any wire; our IPv6
// sockets know IPv6 only.
Address without_mapping(const Address& address) {
  static constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const auto& octets = address.octets();
  if (!address.is_v6() || !std::equal(kMapped.begin(), kMapped.end(), octets.begin())) {
    return address;
  }
  return Address::v4({octets[12], octets[13], octets[14], octets[15]}, address.port());
}

}  // namespace

SocketAddress::SocketAddress(const Address& address) {
  if (address.is_v6()) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port());
    v6.sin6_scope_id = address.scope_id();
    std::memcpy(&v6.sin6_addr, address.octets().data(), sizeof v6.sin6_addr);
    std::memcpy(&storage, &v6, sizeof v6);
    size = sizeof v6;
  } else {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port());
    std::memcpy(&v4.sin_addr, address.octets().data(), sizeof v4.sin_addr);
    std::memcpy(&storage, &v4, sizeof v4);
    size = sizeof v4;
  }
}

Address SocketAddress::to_address() const {
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &storage, sizeof v6);
    std::array<std::uint8_t, 16> octets{};
    std::memcpy(octets.data(), &v6.sin6_addr, sizeof octets);
    return Address::v6(octets, ntohs(v6.sin6_port), v6.sin6_scope_id);
  }
  check(storage.ss_family == AF_INET, "SocketAddress: neither IPv4 nor IPv6");
  sockaddr_in v4{};
  std::memcpy(&v4, &storage, sizeof v4);
  std::array<std::uint8_t, 4> octets{};
  std::memcpy(octets.data(), &v4.sin_addr, sizeof octets);
  return Address::v4(octets, ntohs(v4.sin_port));
}

Address with_port(const Address& host, std::uint16_t port) {
  if (host.is_v6()) return Address::v6(host.octets(), port, host.scope_id());
  const auto& octets = host.octets();
  return Address::v4({octets[0], octets[1], octets[2], octets[3]}, port);
}

Address resolve(std::string_view text) {
  if (const auto address = Address::parse(text)) return without_mapping(*address);
  const auto parts = split(text);
  if (!parts) {
    throw TextError(quote(text) +
                    " is not an address and a port, such as 127.0.0.1:9999, [::1]:9999 or "
                    "localhost:9999");
  }
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* first = nullptr;
  const int error = getaddrinfo(parts->host.c_str(), parts->port.c_str(), &hints, &first);
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> list(first, freeaddrinfo);
  if (error != 0) throw_not_found(error, text);
  for (const addrinfo* found = first; found != nullptr; found = found->ai_next) {
    if (found->ai_family == AF_INET) return address_of(*found);
  }
  return without_mapping(address_of(*first));
}

Address resolve_server(std::string_view text) {
  const Address server = resolve(text);
  if (server.port() == 0) throw TextError("nobody can listen on port 0");
  const auto& octets = server.octets();
  // RFC 4291 section 2.7, RFC 5771, RFC 919.
  const bool multicast = server.is_v6() ? octets[0] == 0xff : octets[0] >> 4 == 0xe;
  const bool broadcast = !server.is_v6() && std::all_of(octets.begin(), octets.begin() + 4,
                                                        [](auto octet) { return octet == 0xff; });
  if (multicast || broadcast) {
    throw TextError(server.host() + " is a " + (multicast ? "multicast" : "broadcast") +
                    " address, which stands for many hosts; give the address of one");
  }
  return server;
}

}  // namespace lossy
