// Invariant: every input is a script in binary, which is written as canonical bytes and as a text
// that read as the same script. Taken for a text it is refused at one of its lines with a reason of
// one line, or read as a script whose text reads as the same. So is a text of version 2, of each
// protocol that it may name.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <lossy/core/greeting/protocol.hpp>
#include <lossy/core/membership/protocol.hpp>
#include <lossy/core/tftp/protocol.hpp>
#include <lossy/fuzz/property.hpp>
#include <lossy/fuzz/trace.hpp>
#include <lossy/harness/sim/network_script.hpp>
#include <lossy/harness/sim/script_text.hpp>

namespace lossy::fuzz {
namespace {

// Some ten operations, as a text of that length has.
constexpr std::size_t kBinaryBytesUseful = 48;

void check_script(const Script& script) {
  const std::vector<std::byte> bytes = encode(script);
  must(bytes.size() <= Script::kBytesMax, "a script is bounded");
  must(decode(bytes) == script, "what is encoded decodes to the same");
  const std::string text = format_script(script);
  try {
    must(parse_script(text) == script, "what is printed reads as the same");
  } catch (const ScriptError&) {
    must(false, "what is printed can be read");
  }
  Trace::add(bytes);
  Trace::add(text);
}

void check_network_script(const Protocol& protocol, const NetworkScript& script) {
  const std::string text = format_network_script(protocol, script);
  try {
    const NetworkScript again = parse_network_script(protocol, text);
    must(again.operations == script.operations && again.settings == script.settings &&
             again.calls.size() == script.calls.size(),
         "what is printed of any protocol reads as the same");
    must(format_network_script(protocol, again) == text, "it is printed in one way");
  } catch (const ScriptError&) {
    must(false, "what is printed of any protocol can be read");
  }
  Trace::add(text);
}

void check(std::string_view text) {
  const std::string name = protocol_of_script(text);
  if (name.empty()) return check_script(parse_script(text));
  for (const Protocol* const protocol :
       {&greetings(), &tftp::protocol(), &membership::protocol()}) {
    if (protocol->name == name)
      check_network_script(*protocol, parse_network_script(*protocol, text));
  }
}

void check_text(std::string_view text) {
  try {
    check(text);
  } catch (const ScriptError& error) {
    const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n')) + 1;
    must(error.line >= 1 && error.line <= lines, "the line that is to blame is one of the text's");
    must(error.word == "text" || text.find(error.word) != std::string_view::npos,
         "the word that is to blame stands in the text");
    const std::string_view reason = error.what();
    must(!reason.empty() &&
             std::ranges::none_of(
                 reason, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 127; }),
         "a reason is one line of plain text");
    Trace::add(reason);
  }
}

}  // namespace
}  // namespace lossy::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lossy;
  const auto bytes = std::as_bytes(std::span(data, std::min(size, fuzz::kBinaryBytesUseful)));
  fuzz::check_script(decode(bytes));
  fuzz::check_text({reinterpret_cast<const char*>(data), size});
  return 0;
}
