// Invariant: an address, a time, a probability, a rate, a pace or a list of faults is refused with
// a reason of one line, or (but for a pace) printed as a text that reads as the same. Bytes that
// are escaped hold no control character.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <lossy/core/address.hpp>
#include <lossy/core/escape.hpp>
#include <lossy/fuzz/property.hpp>
#include <lossy/fuzz/trace.hpp>
#include <lossy/harness/link/fault_list.hpp>
#include <lossy/harness/link/text.hpp>

namespace lossy::fuzz {
namespace {

bool is_one_line(std::string_view text) {
  return std::ranges::none_of(
      text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 127; });
}

void check_reason(std::string_view reason) {
  must(!reason.empty() && is_one_line(reason), "a reason is one line of plain text");
  Trace::add(reason);
}

template <typename Parse, typename Format>
void check_text(std::string_view text, Parse parse, Format format) {
  try {
    const auto value = parse(text);
    const std::string printed = format(value);
    Trace::add(printed);
    try {
      must(parse(printed) == value, "what is printed reads as the same");
    } catch (const TextError&) {
      must(false, "what is printed can be read");
    }
  } catch (const TextError& error) {
    check_reason(error.what());
  }
}

void check_pace(std::string_view text) {
  try {
    const Pace pace = parse_pace(text);
    must(pace.count > 0 && static_cast<std::uint64_t>(pace.time.count()) >= pace.count,
         "a pace is one a nanosecond at most");
    Trace::add(std::to_string(pace.count) + " in " + format_duration(pace.time));
  } catch (const TextError& error) {
    check_reason(error.what());
  }
}

void check_address(std::string_view text) {
  const auto address = Address::parse(text);
  if (!address) return;
  const std::string printed = address->to_string();
  must(Address::parse(printed) == address, "an address is printed as what reads as the same");
  must(printed.find(address->host()) != std::string::npos, "an address begins with its host");
  Trace::add(printed);
}

std::string printed(const FaultList& list) {
  std::string text;
  for (const Direction direction : {Direction::kUplink, Direction::kDownlink}) {
    for (std::size_t i = 0; i < list.size(direction); ++i) {
      text += format_fault(direction, list.number(direction, i), list.fate(direction, i),
                           list.flow(direction, i)) +
              '\n';
    }
  }
  return text;
}

void check_faults(std::string_view text) {
  check_text(
      text, [](std::string_view list) { return printed(FaultList::parse(list)); },
      [](const std::string& list) { return list; });
}

}  // namespace
}  // namespace lossy::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lossy;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  fuzz::check_address(text);
  fuzz::check_text(text, parse_duration, format_duration);
  fuzz::check_text(text, parse_probability, format_probability);
  fuzz::check_text(text, parse_rate, format_rate);
  fuzz::check_pace(text);
  fuzz::check_faults(text);
  const std::string escaped = escape_bytes(std::as_bytes(std::span(text)));
  fuzz::must(fuzz::is_one_line(escaped), "what is escaped holds no control character");
  fuzz::Trace::add(escaped);
  return 0;
}
