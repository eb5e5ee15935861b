// Invariant: a line of netem's words is refused at a place within it, with a reason of one line, or
// printed as a line that reads as the same settings and is printed the same once more. So is a
// timeline. A link takes whatever can be read, and carries datagrams with it.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <lossy/fuzz/property.hpp>
#include <lossy/fuzz/trace.hpp>
#include <lossy/harness/link/link.hpp>
#include <lossy/harness/link/netem.hpp>
#include <lossy/harness/link/random_fates.hpp>

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

void carry(const std::vector<std::pair<Instant, LinkSettings>>& phases) {
  LinkSettings now = phases.front().second;
  LinkPlan plan{.options = link_options(now, 28),
                .outages = now.outages.value_or(std::vector<Outage>{})};
  Timeline<Impairments> chances(impairments(now));
  for (const auto& [start, settings] : phases) {
    now = overlaid(now, settings);
    plan.options.add(start, link_options(now, 28));
    chances.add(start, impairments(now));
  }
  static constexpr std::array<std::byte, 5> kPayload{};
  Link link(std::move(plan),
            std::make_unique<RandomFates>(std::move(chances), 1, Direction::kUplink));
  for (const auto& [start, settings] : phases) {
    for (int i = 0; i < 4; ++i) link.handle_datagram(start, kPayload);
  }
  for (std::size_t i = 0; i < 8 * phases.size(); ++i) {
    const auto next = link.poll_timeout();
    must(next ? link.poll_transmit(*next).has_value() : link.in_flight() == 0,
         "what is in flight arrives when it is due");
  }
  must(link.in_flight() == 0, "everything arrives");
}

void carry(const LinkSettings& settings) {
  carry({{Instant{}, settings}});
}

template <typename Parse, typename Format>
void check_text(std::string_view text, Parse parse, Format format) {
  static const TableFiles files{.distribution = content, .trace = content};
  try {
    const auto parsed = parse(text, files);
    std::string printed;
    try {
      printed = format(parsed);
      Trace::add(printed);
      const auto again = parse(printed, files);
      must(again == parsed, "what is printed reads as the same");
      must(format(again) == printed, "what reads as the same is printed the same");
    } catch (const NetemError&) {
      must(false, "what is printed can be read");
    }
    try {
      carry(parsed);
    } catch (const std::exception&) {
      must(false, "a link takes what can be read");
    }
  } catch (const NetemError& error) {
    must(error.offset <= text.size() && error.size <= text.size() - error.offset,
         "the word that is to blame lies in the text");
    const std::string_view reason = error.what();
    Trace::add(reason);
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
