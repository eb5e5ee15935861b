// Frames by their bytes, for tests of the decoder.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <lossy/harness/capture/checksum.hpp>
#include <lossy/harness/capture/files_for_test.hpp>
#include <lossy/harness/capture/frame.hpp>
#include <lossy/harness/capture/wire.hpp>

namespace lossy {

using TestBytes = std::vector<std::byte>;

// Spaces do not count.
inline TestBytes from_hex(std::string_view text) {
  TestBytes bytes;
  std::string digits;
  for (const char c : text) {
    if (c != ' ') digits += c;
    if (digits.size() < 2) continue;
    bytes.push_back(static_cast<std::byte>(std::stoi(digits, nullptr, 16)));
    digits.clear();
  }
  return bytes;
}

inline std::string to_hex(std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : bytes) {
    text += kDigits[std::to_integer<std::size_t>(byte) / 16];
    text += kDigits[std::to_integer<std::size_t>(byte) % 16];
  }
  return text;
}

inline std::string hex16(std::size_t number) {
  TestBytes bytes(2);
  wire::store16(bytes.data(), static_cast<std::uint16_t>(number));
  return to_hex(bytes);
}

// "datagram", or why there is none.
inline std::string outcome(const Decoded& decoded) {
  if (const auto* skipped = std::get_if<Skipped>(&decoded)) {
    return std::string(to_string(skipped->reason));
  }
  return "datagram";
}

// Wherever the frame is cut off, it is skipped for that.
inline void expect_skipped_when_cut(int link_type, const TestBytes& bytes,
                                    const DecodeOptions& options = {}) {
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const TestBytes cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(outcome(decode_frame(link_type, cut, bytes.size(), options)), "snapped") << size;
    EXPECT_EQ(outcome(decode_frame(link_type, cut, size, options)), "truncated") << size;
  }
}

inline Carriers carriers_of(std::initializer_list<Carrier> list) {
  Carriers carriers;
  for (const Carrier carrier : list) carriers.add(carrier);
  return carriers;
}

// "gre, ppp": in the order of the enumeration.
inline std::string words_of(const Carriers& carriers) {
  std::string words;
  for (std::size_t i = 0; i < kCarrierCount; ++i) {
    const auto carrier = static_cast<Carrier>(i);
    if (!carriers.has(carrier)) continue;
    words += (words.empty() ? "" : ", ") + std::string(to_string(carrier));
  }
  return words;
}

inline Carriers carriers_of(const Decoded& decoded) {
  const auto* skipped = std::get_if<Skipped>(&decoded);
  return skipped != nullptr ? skipped->carriers : std::get<Frame>(decoded).carriers;
}

// An IPv4 packet, in hexadecimal digits as what it carries is: from 10.0.0.1 to 10.0.0.2.
inline std::string ipv4_of(std::uint8_t protocol, const std::string& carried,
                           std::uint16_t fragment = 0x4000) {
  const std::size_t bytes = 20 + from_hex(carried).size();
  TestBytes packet = from_hex("4500" + hex16(bytes) + "0101" + hex16(fragment) + "40 00 0000" +
                              "0a000001 0a000002");
  packet[9] = std::byte{protocol};
  wire::store16(packet.data() + 10, static_cast<std::uint16_t>(~sum_words(packet)));
  return to_hex(packet) + carried;
}

// The same for IPv6, from fd00::1 to fd00::2.
inline std::string ipv6_of(std::uint8_t protocol, const std::string& carried) {
  TestBytes next = {std::byte{protocol}};
  return "60000000" + hex16(from_hex(carried).size()) + to_hex(next) + "40" +
         "fd000000000000000000000000000001 fd000000000000000000000000000002" + carried;
}

// "Michael" in a datagram in a packet: to port 9999, without a checksum in IPv6.
inline const std::string kMichael4 =
    "4500 0023 a104 4000 4011 9bc3 7f000001 7f000001 c502 270f 000f 9784 4d69636861656c";
inline const std::string kMichael6 =
    "6000 0000 000f 1140 20010db8000000000000000000000001 20010db8000000000000000000000002"
    "9c40 270f 000f 0000 4d69636861656c";
// ARP, of which nothing is looked at.
inline const std::string kArp = "0001 0800 06 04 0001 020000000001 0a000001 000000000000 0a000002";

// Ethernet's header, without the ether type.
inline const std::string kMacs = "020000000002 020000000001";

}  // namespace lossy
