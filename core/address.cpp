#include <lossy/core/address.hpp>

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace lossy {
namespace {

// Decimal digits only, no sign, nothing behind them.
template <typename Number>
bool parse_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return !text.empty() && error == std::errc() && end == text.data() + text.size();
}

// inet_pton wants a terminated string; anything longer than the longest address is not one.
bool parse_host(int family, std::string_view host, void* octets) {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (host.size() >= terminated.size() || host.find('\0') != std::string_view::npos) return false;
  std::copy(host.begin(), host.end(), terminated.begin());
  return inet_pton(family, terminated.data(), octets) == 1;
}

}  // namespace

Address Address::v4(std::array<std::uint8_t, 4> octets, std::uint16_t port) {
  Address address;
  // As a word, which is how it will be compared.
  std::uint64_t word = 0;
  std::memcpy(&word, octets.data(), octets.size());
  std::memcpy(address.octets_.data(), &word, sizeof word);
  address.port_ = port;
  return address;
}

Address Address::v6(std::array<std::uint8_t, 16> octets, std::uint16_t port,
                    std::uint32_t scope_id) {
  Address address;
  address.octets_ = octets;
  address.scope_id_ = scope_id;
  address.port_ = port;
  address.is_v6_ = true;
  return address;
}

std::optional<Address> Address::parse(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  std::uint16_t port = 0;
  if (colon == std::string_view::npos || !parse_number(text.substr(colon + 1), port)) {
    return std::nullopt;
  }
  std::string_view host = text.substr(0, colon);
  if (host.size() < 2 || host.front() != '[' || host.back() != ']') {
    std::array<std::uint8_t, 4> octets{};
    if (!parse_host(AF_INET, host, octets.data())) return std::nullopt;
    return v4(octets, port);
  }
  host = host.substr(1, host.size() - 2);
  std::uint32_t scope_id = 0;
  if (const std::size_t percent = host.find('%'); percent != std::string_view::npos) {
    if (!parse_number(host.substr(percent + 1), scope_id)) return std::nullopt;
    host = host.substr(0, percent);
  }
  std::array<std::uint8_t, 16> octets{};
  if (!parse_host(AF_INET6, host, octets.data())) return std::nullopt;
  return v6(octets, port, scope_id);
}

std::string Address::host() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(is_v6_ ? AF_INET6 : AF_INET, octets_.data(), text.data(), text.size());
  std::string host = text.data();
  if (scope_id_ != 0) host += '%' + zone_name_(scope_id_);
  return host;
}

std::string Address::to_string() const {
  const std::string port = ':' + std::to_string(port_);
  return is_v6_ ? '[' + host() + ']' + port : host() + port;
}

Address with_port(const Address& host, std::uint16_t port) {
  if (host.is_v6()) return Address::v6(host.octets(), port, host.scope_id());
  const auto& octets = host.octets();
  return Address::v4({octets[0], octets[1], octets[2], octets[3]}, port);
}

}  // namespace lossy

std::size_t std::hash<lossy::Address>::operator()(const lossy::Address& address) const noexcept {
  const std::uint64_t rest = std::uint64_t{address.scope_id()} << 17 |
                             std::uint64_t{address.port()} << 1 | (address.is_v6() ? 1U : 0U);
  std::uint64_t mixed = address.word(0);
  for (const std::uint64_t word : {address.word(8), rest}) {
    mixed = (mixed ^ (mixed >> 32)) * 0x9E3779B97F4A7C15U + word;
  }
  mixed = (mixed ^ (mixed >> 29)) * 0xBF58476D1CE4E5B9U;
  return static_cast<std::size_t>(mixed);
}
