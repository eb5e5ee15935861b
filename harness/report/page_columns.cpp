#include <lossy/harness/report/page_columns.hpp>

namespace lossy {

std::string base64(std::span<const std::byte> bytes) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const auto byte = [&](std::size_t i) {
      return at + i < bytes.size() ? std::to_integer<unsigned>(bytes[at + i]) : 0U;
    };
    const unsigned group = byte(0) << 16 | byte(1) << 8 | byte(2);
    text += kDigits[group >> 18];
    text += kDigits[group >> 12 & 63];
    text += at + 1 < bytes.size() ? kDigits[group >> 6 & 63] : '=';
    text += at + 2 < bytes.size() ? kDigits[group & 63] : '=';
  }
  return text;
}

void PageColumn::add(std::int64_t number) {
  // Differences wrap around, and so does whoever adds them up again.
  const std::uint64_t difference =
      static_cast<std::uint64_t>(number) - static_cast<std::uint64_t>(last_);
  last_ = number;
  std::uint64_t left = difference << 1 ^ (difference >> 63 != 0 ? ~std::uint64_t{0} : 0);
  for (; left >= 0x80; left >>= 7) bytes_.push_back(static_cast<std::byte>((left & 0x7F) | 0x80));
  bytes_.push_back(static_cast<std::byte>(left));
}

}  // namespace lossy
