#include <lossy/harness/capture/hexdump.hpp>

#include <fmt/format.h>

#include <algorithm>

#include <lossy/core/counted.hpp>

namespace lossy {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t kRowBytes = 8;
constexpr std::size_t kRowsBefore = 2;
constexpr std::size_t kRowsAfter = 4;
// Each byte takes three columns, and the ASCII form stands between bars.
constexpr std::size_t kHalfColumns = kRowBytes * 3 + kRowBytes + 2;

bool is_printable(std::byte byte) {
  return byte >= std::byte{0x20} && byte < std::byte{0x7F};
}

bool differs_at(Bytes expected, Bytes actual, std::size_t at) {
  if (at >= expected.size() && at >= actual.size()) return false;
  return at >= expected.size() || at >= actual.size() || expected[at] != actual[at];
}

// "48 65 6c       |Hel|"
std::string half_row(Bytes bytes, std::size_t from) {
  const Bytes row =
      from < bytes.size() ? bytes.subspan(from, std::min(kRowBytes, bytes.size() - from)) : Bytes();
  if (row.empty()) return "";
  std::string hex;
  std::string ascii;
  for (const std::byte byte : row) {
    hex += fmt::format("{:02x} ", std::to_integer<unsigned>(byte));
    ascii += is_printable(byte) ? std::to_integer<char>(byte) : '.';
  }
  return fmt::format("{:<{}}|{}|", hex, kRowBytes * 3, ascii);
}

std::string marks(Bytes expected, Bytes actual, std::size_t from) {
  std::string text;
  for (std::size_t at = from; at < from + kRowBytes; ++at) {
    text += differs_at(expected, actual, at) ? "^^ " : "   ";
  }
  return text;
}

std::string trimmed(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line + '\n';
}

std::string describe_byte(Bytes bytes, std::size_t at) {
  if (at >= bytes.size()) return "none";
  const auto value = std::to_integer<unsigned>(bytes[at]);
  if (!is_printable(bytes[at])) return fmt::format("{:02x}", value);
  return fmt::format("{:02x} '{}'", value, static_cast<char>(value));
}

}  // namespace

std::string count_bytes(std::size_t bytes) {
  return counted(bytes, "byte");
}

std::optional<std::size_t> first_difference(Bytes expected, Bytes actual) {
  if (std::ranges::equal(expected, actual)) return std::nullopt;  // Faster, and almost always so.
  const auto [in_expected, in_actual] = std::ranges::mismatch(expected, actual);
  return static_cast<std::size_t>(in_expected - expected.begin());
}

std::string side_by_side(Bytes expected, Bytes actual) {
  const auto first = first_difference(expected, actual);
  const std::size_t rows = (std::max(expected.size(), actual.size()) + kRowBytes - 1) / kRowBytes;
  const std::size_t row_of_interest = first.value_or(0) / kRowBytes;
  const std::size_t begin = row_of_interest - std::min(row_of_interest, kRowsBefore);
  const std::size_t end = std::min(rows, row_of_interest + 1 + kRowsAfter);

  std::string text =
      trimmed(fmt::format("offset  {:<{}}  {}", "expected, " + count_bytes(expected.size()),
                          kHalfColumns, "actual, " + count_bytes(actual.size())));
  if (begin > 0) text += "   ...\n";
  for (std::size_t row = begin; row < end; ++row) {
    const std::size_t from = row * kRowBytes;
    text += trimmed(fmt::format("{:>6}  {:<{}}  {}", from, half_row(expected, from), kHalfColumns,
                                half_row(actual, from)));
    const std::string marked = marks(expected, actual, from);
    if (marked.find('^') != std::string::npos) {
      text += trimmed(fmt::format("{:>6}  {:<{}}  {}", "", marked, kHalfColumns, marked));
    }
  }
  if (end < rows) text += "   ...\n";
  if (first) {
    text += fmt::format("first difference at offset {}: expected {}, actual {}\n", *first,
                        describe_byte(expected, *first), describe_byte(actual, *first));
  }
  return text;
}

}  // namespace lossy
