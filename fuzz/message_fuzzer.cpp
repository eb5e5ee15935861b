// Invariant: an input is rejected, for the reason that a plain reference gives, or parses to a name
// that is written back as the same bytes.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <lossy/core/greeting/message.hpp>
#include <lossy/fuzz/property.hpp>
#include <lossy/fuzz/trace.hpp>
#include <lossy/harness/sim/reference_grammar.hpp>

namespace lossy::fuzz {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::optional<Malformed> reason_of(const ParsedName& parsed) {
  if (const auto* reason = std::get_if<Malformed>(&parsed)) return *reason;
  return std::nullopt;
}

// Whether the bytes written to the front of `buffer` are `expected`.
bool is_written(std::span<const std::byte> buffer, std::size_t size, std::string_view expected) {
  return std::string_view(reinterpret_cast<const char*>(buffer.data()), size) == expected;
}

void check_request(std::string_view input, std::span<std::byte> buffer) {
  const ParsedName parsed = parse_request(bytes_of(input));
  must(reason_of(parsed) == why_no_name(input), "a request is judged as the reference judges it");
  Trace::add(static_cast<std::uint64_t>(parsed.index()));
  const auto* name = std::get_if<std::string_view>(&parsed);
  if (name == nullptr) return;
  must(name->data() == input.data() && name->size() == input.size(),
       "a request's name is the request");
  must(is_written(buffer, write_request(*name, buffer), input),
       "a request is written back as the same bytes");

  const std::size_t size = write_greeting(*name, buffer);
  must(size <= kMessageBytesMax, "a greeting fits a message");
  Trace::add(buffer.first(size));
  const ParsedName greeted = parse_greeting(buffer.first(size));
  must(!reason_of(greeted) && std::get<std::string_view>(greeted) == input,
       "the greeting of a name is a greeting of that name");
}

void check_greeting(std::string_view input, std::span<std::byte> buffer) {
  const ParsedName parsed = parse_greeting(bytes_of(input));
  std::string_view expected;
  must(reason_of(parsed) == why_no_greeting(input, expected),
       "an answer is judged as the reference judges it");
  const auto* name = std::get_if<std::string_view>(&parsed);
  if (name == nullptr) return;
  must(name->data() == expected.data() && name->size() == expected.size(),
       "a greeting's name is what stands between \"Hello, \" and \"!\"");
  must(is_written(buffer, write_greeting(*name, buffer), input),
       "a greeting is written back as the same bytes");
}

}  // namespace
}  // namespace lossy::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static std::array<std::byte, lossy::kMessageBytesMax> buffer;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  lossy::fuzz::check_request(input, buffer);
  lossy::fuzz::check_greeting(input, buffer);
  return 0;
}
