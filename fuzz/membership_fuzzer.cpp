// Invariants: bytes are refused, or parse to a message that is written as the same bytes; and
// whatever a network does to a group but damage, once it is perfect all who are there see each
// other, and nobody else.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>

#include <lossy/core/membership/message.hpp>
#include <lossy/core/membership/protocol.hpp>
#include <lossy/fuzz/protocol_target.hpp>

namespace lossy::fuzz {
namespace {

void check_message(std::span<const std::byte> bytes) {
  const membership::Parsed parsed = membership::parse(bytes);
  Trace::add(std::uint64_t{parsed.index()});
  Trace::add(membership::describe(bytes));
  const auto* const message = std::get_if<membership::Message>(&parsed);
  if (message == nullptr) return;
  std::array<std::byte, membership::kMessageBytesMax> buffer;
  const std::size_t size = membership::write(*message, buffer);
  must(std::ranges::equal(std::span(buffer).first(size), bytes),
       "a message is written as it was read");
}

}  // namespace
}  // namespace lossy::fuzz

const lossy::fuzz::ProtocolTarget& protocol_target() {
  static const lossy::fuzz::ProtocolTarget target(lossy::membership::protocol());
  return target;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lossy::fuzz;
  check_message(std::as_bytes(std::span(data, size)));
  protocol_target().run(std::as_bytes(std::span(data, size)));
  return 0;
}
