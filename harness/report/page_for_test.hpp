// Reads a page's columns again, for tests.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace lossy {

inline std::string bytes_of_base64(std::string_view text) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  unsigned held = 0;
  int bits = 0;
  for (const char digit : text) {
    if (digit == '=') break;
    held = (held << 6 | static_cast<unsigned>(kDigits.find(digit))) & 0xFFFF;
    bits += 6;
    if (bits >= 8) bytes += static_cast<char>(held >> (bits -= 8) & 0xFF);
  }
  return bytes;
}

inline std::vector<std::int64_t> numbers_of(const nlohmann::ordered_json& column) {
  std::vector<std::int64_t> numbers;
  std::uint64_t zigzag = 0;
  int shift = 0;
  std::int64_t last = 0;
  for (const char c : bytes_of_base64(column.get<std::string>())) {
    const auto byte = static_cast<unsigned char>(c);
    zigzag |= std::uint64_t{byte & 0x7FU} << shift;
    shift += 7;
    if (byte >= 0x80) continue;
    last += static_cast<std::int64_t>(zigzag >> 1) ^ -static_cast<std::int64_t>(zigzag & 1);
    numbers.push_back(last);
    zigzag = 0;
    shift = 0;
  }
  return numbers;
}

// An arrow as a test reads it: "uplink.3 20ms +5ms retransmission".
struct ArrowForTest {
  std::int64_t sent_ms = 0;
  std::int64_t delay_ms = 0;  // -1 where it never arrived.
  std::int64_t number = 0;
  unsigned traits = 0;
  std::string why{};
  std::string payload{};
  std::string got{};

  friend bool operator==(const ArrowForTest&, const ArrowForTest&) = default;
  friend void PrintTo(const ArrowForTest& arrow, std::ostream* out) {
    *out << arrow.number << " at " << arrow.sent_ms << " ms, after " << arrow.delay_ms
         << " ms, traits " << arrow.traits << " '" << arrow.why << "' '" << arrow.payload << "' '"
         << arrow.got << "'";
  }
};

inline std::vector<ArrowForTest> arrows_of(const nlohmann::ordered_json& run) {
  const auto column = [&](const char* name) { return numbers_of(run["arrows"][name]); };
  const auto in_ms = [](std::int64_t ns) { return ns < 0 ? -1 : ns / 1'000'000; };
  const std::string bytes = bytes_of_base64(run["payloads"]["bytes"].get<std::string>());
  std::vector<std::string> payloads{""};
  std::size_t at = 0;
  for (const std::int64_t length : numbers_of(run["payloads"]["lengths"])) {
    payloads.push_back(bytes.substr(at, static_cast<std::size_t>(length)));
    at += static_cast<std::size_t>(length);
  }
  std::vector<std::string> reasons{""};
  for (const auto& reason : run["reasons"]) reasons.push_back(reason);
  std::vector<ArrowForTest> arrows;
  for (std::size_t i = 0; i < run["arrows"]["kept"]; ++i) {
    const auto text = [&](const std::vector<std::string>& texts, const char* name) {
      return texts.at(static_cast<std::size_t>(column(name).at(i)));
    };
    arrows.push_back({.sent_ms = in_ms(column("sent").at(i)),
                      .delay_ms = in_ms(column("delay").at(i)),
                      .number = column("number").at(i),
                      .traits = static_cast<unsigned>(column("traits").at(i)),
                      .why = text(reasons, "why"),
                      .payload = text(payloads, "payload"),
                      .got = text(payloads, "got")});
  }
  return arrows;
}

}  // namespace lossy
