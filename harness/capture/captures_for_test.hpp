// Captures, byte by byte, for those who test what reads them.
#pragma once

#include <cstdint>
#include <string>

namespace lossy {

inline std::string little(std::uint32_t value, int bytes = 4) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xFF);
  return text;
}

inline std::string big(std::uint32_t value, int bytes = 4) {
  const std::string text = little(value, bytes);
  return {text.rbegin(), text.rend()};
}

using Number = std::string (*)(std::uint32_t, int);

inline constexpr std::uint32_t kMicroseconds = 0xA1B2C3D4;
inline constexpr std::uint32_t kNanoseconds = 0xA1B23C4D;

// What stands in front of a pcap, and in it.
inline std::string header(Number number, std::uint32_t magic, std::uint32_t link_type,
                          std::uint32_t snap_bytes = 262'144) {
  return number(magic, 4) + number(2, 2) + number(4, 2) + number(0, 4) + number(0, 4) +
         number(snap_bytes, 4) + number(link_type, 4);
}
inline std::string record(Number number, std::uint32_t seconds, std::uint32_t fraction,
                          const std::string& frame, std::uint32_t bytes_more = 0) {
  const auto size = static_cast<std::uint32_t>(frame.size());
  return number(seconds, 4) + number(fraction, 4) + number(size, 4) + number(size + bytes_more, 4) +
         frame;
}

// The blocks of a pcapng, one behind the other.
class Pcapng {
 public:
  explicit Pcapng(Number number = &little) : number_(number) {}

  Pcapng& block(std::uint32_t type, const std::string& body) {
    const std::string whole = padded(body);
    const auto size = static_cast<std::uint32_t>(whole.size() + 12);
    text_ += number_(type, 4) + number_(size, 4) + whole + number_(size, 4);
    return *this;
  }
  Pcapng& section(std::uint32_t version = 1) {
    return block(0x0A0D0D0A, number_(0x1A2B3C4D, 4) + number_(version, 2) + number_(0, 2) +
                                 std::string(8, '\xFF'));
  }
  Pcapng& interface(std::uint32_t link_type, std::uint32_t snap_bytes = 0,
                    const std::string& options = "") {
    return block(1, number_(link_type, 2) + number_(0, 2) + number_(snap_bytes, 4) + options);
  }
  // An Enhanced Packet Block.
  Pcapng& packet(std::uint32_t interface, std::uint64_t time, const std::string& frame,
                 const std::string& options = "", std::uint32_t bytes_more = 0) {
    return block(6, number_(interface, 4) + packet_body(time, frame, bytes_more) + options);
  }
  Pcapng& obsolete_packet(std::uint32_t interface, std::uint64_t time, const std::string& frame,
                          const std::string& options = "") {
    return block(2, number_(interface, 2) + number_(7, 2) + packet_body(time, frame, 0) + options);
  }
  Pcapng& simple_packet(const std::string& frame, std::uint32_t bytes_more = 0) {
    return block(3, number_(static_cast<std::uint32_t>(frame.size()) + bytes_more, 4) + frame);
  }

  // An option of any of them.
  std::string option(std::uint32_t code, const std::string& value) const {
    return number_(code, 2) + number_(static_cast<std::uint32_t>(value.size()), 2) + padded(value);
  }
  std::string flags(std::uint32_t flags) const { return option(2, number_(flags, 4)); }

  const std::string& text() const { return text_; }

 private:
  static std::string padded(const std::string& text) {
    return text + std::string((4 - text.size() % 4) % 4, '\0');
  }
  std::string packet_body(std::uint64_t time, const std::string& frame,
                          std::uint32_t bytes_more) const {
    const auto size = static_cast<std::uint32_t>(frame.size());
    return number_(static_cast<std::uint32_t>(time >> 32), 4) +
           number_(static_cast<std::uint32_t>(time & 0xFFFFFFFF), 4) + number_(size, 4) +
           number_(size + bytes_more, 4) + padded(frame);
  }

  Number number_;
  std::string text_;
};

// An empty UDP datagram in IPv4, and what stands in front of that in Ethernet.
inline std::string ipv4_to(std::uint16_t port) {
  return std::string(
             "\x45\x00\x00\x1c\x00\x00\x00\x00\x40\x11\x00\x00\x7f\x00\x00\x01\x7f\x00\x00\x01"
             "\x9c\x40",
             22) +
         big(port, 2) + std::string("\x00\x08\x00\x00", 4);
}
inline std::string ethernet(const std::string& packet) {
  return std::string("\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\0", 14) + packet;
}

}  // namespace lossy
