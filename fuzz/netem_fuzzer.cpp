// Invariant: a line of netem's words is refused at a place within it, with a reason of one line, or
// printed as a line that reads as the same settings and is printed the same once more. So is a
// timeline.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

#include "fuzz/property.hpp"
#include "harness/link/netem.hpp"

namespace lossy::fuzz {
namespace {

// A file for most names, of a few kinds.
std::string content(const std::string& name) {
  if (name.ends_with('0')) return "0\n";
  if (name.ends_with('1')) return "1\n2\n2\n30\n";
  if (name.ends_with('2')) return "-32768 -1 0 1 32767\n";
  if (name.ends_with('3')) return "# nothing\n";
  throw std::system_error(std::make_error_code(std::errc::no_such_file_or_directory));
}

template <typename Parse, typename Format>
void check_text(std::string_view text, Parse parse, Format format) {
  static const TableFiles files{.distribution = content, .trace = content};
  try {
    const auto parsed = parse(text, files);
    std::string printed;
    try {
      printed = format(parsed);
      const auto again = parse(printed, files);
      must(again == parsed, "what is printed reads as the same");
      must(format(again) == printed, "what reads as the same is printed the same");
    } catch (const NetemError&) {
      must(false, "what is printed can be read");
    }
  } catch (const NetemError& error) {
    must(error.offset <= text.size() && error.size <= text.size() - error.offset,
         "the word that is to blame lies in the text");
    const std::string_view reason = error.what();
    must(!reason.empty() &&
             std::ranges::none_of(
                 reason, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 127; }),
         "a reason is one line of plain text");
  }
}

}  // namespace
}  // namespace lossy::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lossy;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  fuzz::check_text(text, parse_netem, format_netem);
  fuzz::check_text(text, parse_timeline, format_timeline);
  return 0;
}
