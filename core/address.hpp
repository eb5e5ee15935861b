// An IPv4 or IPv6 address with a UDP port: what a datagram comes from and goes to.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace lossy {

class Address {
 public:
  // The unspecified IPv4 address 0.0.0.0, port 0.
  Address() = default;

  // `octets` and the result of octets() are in network order.
  static Address v4(std::array<std::uint8_t, 4> octets, std::uint16_t port);
  static Address v6(std::array<std::uint8_t, 16> octets, std::uint16_t port,
                    std::uint32_t scope_id = 0);

  // Reads "127.0.0.1:9999" or "[::1]:9999". The port is required; host names are not looked up; a
  // scope is a number ("[fe80::1%2]:9999"). Nothing when the text is anything else.
  static std::optional<Address> parse(std::string_view text);

  bool is_v6() const { return is_v6_; }
  std::uint16_t port() const { return port_; }
  std::uint32_t scope_id() const { return scope_id_; }
  // 16 octets, of which an IPv4 address uses the first 4.
  const std::array<std::uint8_t, 16>& octets() const { return octets_; }

  // The host alone ("127.0.0.1", "::1"), and all of it, in the form that parse() reads (RFC 5952).
  std::string host() const;
  std::string to_string() const;

  // From now on these write a scope as `name` does, "[fe80::1%eth0]:9999" say, as people and other
  // programs write it: for a program that knows the interfaces, once, before it has threads.
  static void name_zones(std::string (*name)(std::uint32_t scope_id)) { zone_name_ = name; }

  // Compared once a datagram, so without a call.
  friend bool operator==(const Address& a, const Address& b) {
    return a.word(0) == b.word(0) && a.word(8) == b.word(8) && a.port_ == b.port_ &&
           a.scope_id_ == b.scope_id_ && a.is_v6_ == b.is_v6_;
  }
  friend std::strong_ordering operator<=>(const Address& a, const Address& b) {
    if (const int order = std::memcmp(a.octets_.data(), b.octets_.data(), a.octets_.size())) {
      return order <=> 0;
    }
    if (a.scope_id_ != b.scope_id_) return a.scope_id_ <=> b.scope_id_;
    if (a.port_ != b.port_) return a.port_ <=> b.port_;
    return a.is_v6_ <=> b.is_v6_;
  }

 private:
  friend std::hash<Address>;

  // Eight octets from `at` on, in the machine's byte order.
  std::uint64_t word(std::size_t at) const {
    std::uint64_t word = 0;
    std::memcpy(&word, octets_.data() + at, sizeof word);
    return word;
  }

  static std::string number_of(std::uint32_t scope_id) { return std::to_string(scope_id); }
  static inline std::string (*zone_name_)(std::uint32_t) = number_of;

  std::array<std::uint8_t, 16> octets_{};
  std::uint32_t scope_id_ = 0;
  std::uint16_t port_ = 0;
  bool is_v6_ = false;
};

// The same host, at another port.
Address with_port(const Address& host, std::uint16_t port);

}  // namespace lossy

template <>
struct std::hash<lossy::Address> {
  std::size_t operator()(const lossy::Address& address) const noexcept;
};
