#include <lossy/harness/net/socket_address.hpp>

#include <net/if.h>
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

#include <lossy/core/check.hpp>
#include <lossy/harness/link/text.hpp>

namespace lossy {
namespace {

struct HostAndPort {
  std::string host;
  std::uint16_t port;
  bool bracketed;
};

// "HOST:PORT" or "[HOST]:PORT". An IPv6 address without brackets is nothing, because it would leave
// open where the port begins.
std::optional<HostAndPort> split(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || text.find('\0') != std::string_view::npos) return {};
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find_first_of(":[]") != std::string_view::npos) {
    return {};
  }
  // getaddrinfo would also take "+9" and, cutting it off, "70000".
  const bool digits = port.find_first_not_of("0123456789") == std::string_view::npos;
  if (host.empty() || port.empty() || port.size() > 5 || !digits) return {};
  const int number = std::stoi(std::string(port));
  if (number > 65'535) return {};
  return HostAndPort{std::string(host), static_cast<std::uint16_t>(number), bracketed};
}

// Whether some program takes a host for a number: its last part is decimal, octal or hexadecimal.
bool is_numeric(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  std::string_view last = host.substr(host.rfind('.') + 1);  // All of it where there is no dot.
  const bool hex = last.starts_with("0x") || last.starts_with("0X");
  if (hex) last.remove_prefix(2);
  return last.find_first_not_of(hex ? "0123456789abcdefABCDEF" : "0123456789") ==
         std::string_view::npos;
}

TextError no_address(std::string_view text) {
  return TextError(quote(text) +
                   " is not an address and a port, such as 127.0.0.1:9999, [::1]:9999 or "
                   "localhost:9999");
}

// The zones that there are: "lo, eth0".
std::string interfaces() {
  constexpr int kShownMax = 16;
  const std::unique_ptr<struct if_nameindex, void (*)(struct if_nameindex*)> all(if_nameindex(),
                                                                                 if_freenameindex);
  std::string names;
  int shown = 0;
  for (const struct if_nameindex* one = all.get(); one != nullptr && one->if_index != 0; ++one) {
    if (shown++ == kShownMax) return names + ", ...";
    names += (names.empty() ? "" : ", ") + std::string(one->if_name);
  }
  return names;
}

// What stands in brackets: an IPv6 address, perhaps with an interface's name as its zone.
Address resolve_ipv6(std::string_view text, const HostAndPort& parts) {
  const std::size_t percent = parts.host.find('%');
  const std::string address = '[' + parts.host.substr(0, percent) + ']';
  const auto host = Address::parse(address + ':' + std::to_string(parts.port));
  if (!host || percent == std::string::npos) throw no_address(text);
  const std::string zone = parts.host.substr(percent + 1);
  const unsigned index = if_nametoindex(zone.c_str());
  if (index == 0) {
    throw TextError(quote(text) + ": no interface is called " + quote(zone) + "; here are " +
                    interfaces());
  }
  return Address::v6(host->octets(), parts.port, index);
}

// RFC 4291 section 2.5.6: it may be there on every link.
bool is_link_local(const Address& address) {
  const auto& octets = address.octets();
  return address.is_v6() && octets[0] == 0xfe && (octets[1] & 0xc0) == 0x80;
}

Address with_its_zone(std::string_view text, const Address& address) {
  if (!is_link_local(address) || address.scope_id() != 0) return address;
  throw TextError(quote(text) + " may be on any link: say which with a zone, as in [" +
                  address.host() + "%eth0]:" + std::to_string(address.port()) + "; here are " +
                  interfaces());
}

// RFC 4291 section 2.7, RFC 5771, RFC 919.
void refuse_many(const Address& address) {
  const auto& octets = address.octets();
  const bool multicast = address.is_v6() ? octets[0] == 0xff : octets[0] >> 4 == 0xe;
  const bool broadcast = !address.is_v6() && std::all_of(octets.begin(), octets.begin() + 4,
                                                         [](auto octet) { return octet == 0xff; });
  if (multicast || broadcast) {
    throw TextError(address.host() + " is a " + (multicast ? "multicast" : "broadcast") +
                    " address, which stands for many hosts; give the address of one");
  }
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

constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// "[::ffff:127.0.0.1]:9999" is 127.0.0.1:9999 in IPv6's words, and no address on any wire.
Address without_mapping(const Address& address) {
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

SocketAddress SocketAddress::in_ipv6(const Address& address) {
  if (address.is_v6()) return SocketAddress(address);
  std::array<std::uint8_t, 16> octets{};
  std::copy(kMapped.begin(), kMapped.end(), octets.begin());
  std::copy_n(address.octets().begin(), 4, octets.begin() + 12);
  return SocketAddress(Address::v6(octets, address.port()));
}

Address SocketAddress::to_address() const {
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &storage, sizeof v6);
    std::array<std::uint8_t, 16> octets{};
    std::memcpy(octets.data(), &v6.sin6_addr, sizeof octets);
    return without_mapping(Address::v6(octets, ntohs(v6.sin6_port), v6.sin6_scope_id));
  }
  check(storage.ss_family == AF_INET, "SocketAddress: neither IPv4 nor IPv6");
  sockaddr_in v4{};
  std::memcpy(&v4, &storage, sizeof v4);
  std::array<std::uint8_t, 4> octets{};
  std::memcpy(octets.data(), &v4.sin_addr, sizeof octets);
  return Address::v4(octets, ntohs(v4.sin_port));
}

std::string zone_name(std::uint32_t number) {
  std::array<char, IF_NAMESIZE> name{};
  return if_indextoname(number, name.data()) != nullptr ? name.data() : std::to_string(number);
}

ListenAddress ListenAddress::all(std::uint16_t port) {
  ListenAddress all(Address::v6({}, port));
  all.both_families = true;
  return all;
}

std::string ListenAddress::to_string() const {
  return both_families ? "*:" + std::to_string(address.port()) : address.to_string();
}

Address resolve(std::string_view text) {
  if (const auto address = Address::parse(text)) {
    return without_mapping(with_its_zone(text, *address));
  }
  const auto parts = split(text);
  if (!parts) throw no_address(text);
  if (parts->bracketed) return resolve_ipv6(text, *parts);
  if (parts->host == "*") {
    throw TextError(quote(text) + " stands for all addresses of this machine, for who listens; " +
                    "say which one, as in 127.0.0.1:" + std::to_string(parts->port));
  }
  if (is_numeric(parts->host)) {
    throw TextError(quote(text) +
                    " is not an address: write four decimal numbers from 0 to 255 without leading "
                    "zeros, as in 127.0.0.1:9999; programs differ on what anything else means");
  }
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* first = nullptr;
  const int error = getaddrinfo(parts->host.c_str(), nullptr, &hints, &first);
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> list(first, freeaddrinfo);
  if (error != 0) throw_not_found(error, text);
  const addrinfo* found = first;
  while (found->ai_family != AF_INET && found->ai_next != nullptr) found = found->ai_next;
  return with_port(address_of(found->ai_family == AF_INET ? *found : *first), parts->port);
}

ListenAddress resolve_listen(std::string_view text) {
  const auto parts = split(text);
  if (parts && parts->host == "*" && !parts->bracketed) return ListenAddress::all(parts->port);
  const Address address = resolve(text);
  refuse_many(address);
  return address;
}

Address resolve_server(std::string_view text) {
  const Address server = resolve(text);
  if (server.port() == 0) throw TextError("nobody can listen on port 0");
  refuse_many(server);
  return server;
}

}  // namespace lossy
