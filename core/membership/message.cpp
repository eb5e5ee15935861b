#include <lossy/core/membership/message.hpp>

#include <algorithm>

#include <lossy/core/check.hpp>
#include <lossy/core/escape.hpp>

namespace lossy::membership {
namespace {

constexpr std::uint8_t kV4 = 4;
constexpr std::uint8_t kV6 = 6;

// Reads from the front of the bytes until they are too few, or not what they should be.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::uint32_t number(std::size_t width) {
    if (bytes_.size() < width) {
      fail(Malformed::kTooShort);
      return 0;
    }
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < width; ++i) {
      value = value << 8 | std::to_integer<std::uint32_t>(bytes_[i]);
    }
    bytes_ = bytes_.subspan(width);
    return value;
  }

  Address address() {
    const std::uint32_t family = number(1);
    if (!failure_ && family != kV4 && family != kV6) fail(Malformed::kNoAddress);
    if (failure_) return {};
    std::array<std::uint8_t, 16> octets{};
    const std::size_t width = family == kV4 ? 4 : 16;
    for (std::size_t i = 0; i < width; ++i) octets[i] = static_cast<std::uint8_t>(number(1));
    const auto port = static_cast<std::uint16_t>(number(2));
    if (!failure_ && port == 0) fail(Malformed::kNoAddress);
    if (family == kV6) return Address::v6(octets, port);
    return Address::v4({octets[0], octets[1], octets[2], octets[3]}, port);
  }

  void fail(Malformed reason) {
    if (!failure_) failure_ = reason;
  }
  void end() {
    if (!bytes_.empty()) fail(Malformed::kTooLong);
  }
  const std::optional<Malformed>& failure() const { return failure_; }

 private:
  std::span<const std::byte> bytes_;
  std::optional<Malformed> failure_;
};

class Writer {
 public:
  explicit Writer(std::span<std::byte> buffer) : buffer_(buffer) {}

  void number(std::uint32_t value, std::size_t width) {
    check(size_ + width <= buffer_.size(), "membership::write: the buffer is too small");
    for (std::size_t i = width; i-- > 0;) {
      buffer_[size_++] = static_cast<std::byte>(value >> 8 * i & 0xff);
    }
  }
  void address(const Address& address) {
    number(address.is_v6() ? kV6 : kV4, 1);
    const std::size_t width = address.is_v6() ? 16 : 4;
    for (std::size_t i = 0; i < width; ++i) number(address.octets()[i], 1);
    number(address.port(), 2);
  }
  std::size_t size() const { return size_; }

 private:
  std::span<std::byte> buffer_;
  std::size_t size_ = 0;
};

std::string_view word_of(Kind kind) {
  switch (kind) {
    case Kind::kJoin:
      return "JOIN";
    case Kind::kPing:
      return "PING";
    case Kind::kAskOther:
      return "ASK";
    case Kind::kAck:
      break;
  }
  return "ACK";
}

}  // namespace

std::string_view to_string(State state) {
  switch (state) {
    case State::kAlive:
      return "alive";
    case State::kSuspect:
      return "suspect";
    case State::kDead:
      break;
  }
  return "dead";
}

std::string_view to_string(Malformed reason) {
  switch (reason) {
    case Malformed::kTooShort:
      return "too_short";
    case Malformed::kTooLong:
      return "too_long";
    case Malformed::kUnknownKind:
      return "unknown_kind";
    case Malformed::kNoAddress:
      return "no_address";
    case Malformed::kUnknownState:
      return "unknown_state";
    case Malformed::kTooManyRumours:
      break;
  }
  return "too_many_rumours";
}

Parsed parse(std::span<const std::byte> bytes) {
  Reader reader(bytes);
  Message message;
  const std::uint32_t kind = reader.number(1);
  if (!reader.failure() && (kind < 1 || kind > 4)) reader.fail(Malformed::kUnknownKind);
  message.kind = static_cast<Kind>(kind);
  message.number = reader.number(4);
  message.incarnation = reader.number(4);
  if (message.kind == Kind::kAskOther) message.target = reader.address();
  const std::uint32_t rumours = reader.number(1);
  if (rumours > kRumoursMax) reader.fail(Malformed::kTooManyRumours);
  for (std::uint32_t i = 0; i < rumours && !reader.failure(); ++i) {
    Rumour rumour{.member = reader.address()};
    const std::uint32_t state = reader.number(1);
    if (state > 2) reader.fail(Malformed::kUnknownState);
    rumour.state = static_cast<State>(state);
    rumour.incarnation = reader.number(4);
    message.rumours.push_back(rumour);
  }
  reader.end();
  if (reader.failure()) return *reader.failure();
  return message;
}

std::size_t write(const Message& message, std::span<std::byte> buffer) {
  check(message.rumours.size() <= kRumoursMax &&
            message.target.has_value() == (message.kind == Kind::kAskOther),
        "membership::write: not a message");
  Writer writer(buffer);
  writer.number(static_cast<std::uint32_t>(message.kind), 1);
  writer.number(message.number, 4);
  writer.number(message.incarnation, 4);
  if (message.target) writer.address(*message.target);
  writer.number(static_cast<std::uint32_t>(message.rumours.size()), 1);
  for (const Rumour& rumour : message.rumours) {
    writer.address(rumour.member);
    writer.number(static_cast<std::uint32_t>(rumour.state), 1);
    writer.number(rumour.incarnation, 4);
  }
  return writer.size();
}

std::string describe(std::span<const std::byte> bytes) {
  const Parsed parsed = parse(bytes);
  if (const auto* reason = std::get_if<Malformed>(&parsed)) {
    return "no membership: " + std::string(to_string(*reason));
  }
  const Message& message = std::get<Message>(parsed);
  std::string line = std::string(word_of(message.kind)) + ' ' + std::to_string(message.number);
  if (message.target) line += " about " + message.target->to_string();
  for (const Rumour& rumour : message.rumours) {
    line += ", " + rumour.member.to_string() + ' ' + std::string(to_string(rumour.state)) + ' ' +
            std::to_string(rumour.incarnation);
  }
  return line;
}

}  // namespace lossy::membership
