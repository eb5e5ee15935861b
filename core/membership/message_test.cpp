#include <lossy/core/membership/message.hpp>

#include <gtest/gtest.h>

#include <array>
#include <stdexcept>
#include <vector>

namespace lossy::membership {
namespace {

const Address kV4 = Address::v4({192, 0, 2, 7}, 7946);
const Address kV6 = *Address::parse("[2001:db8::7]:7946");

std::vector<std::byte> bytes_of(const Message& message) {
  std::vector<std::byte> bytes(kMessageBytesMax);
  bytes.resize(write(message, bytes));
  return bytes;
}

Message longest() {
  Message message{.kind = Kind::kAskOther, .number = 7, .incarnation = 8, .target = kV6};
  for (std::uint32_t i = 0; i < kRumoursMax; ++i) {
    message.rumours.push_back({kV6, static_cast<State>(i % 3), i});
  }
  return message;
}

TEST(MembershipMessage, IsReadAsItWasWritten) {
  const std::vector<Message> messages{
      {.kind = Kind::kJoin, .number = 1},
      {.kind = Kind::kPing, .number = UINT32_MAX, .incarnation = UINT32_MAX},
      {.kind = Kind::kAck, .number = 3, .rumours = {{kV4, State::kDead, 4}}},
      {.kind = Kind::kAskOther, .number = 5, .target = kV4},
      longest()};
  for (const Message& message : messages) {
    EXPECT_EQ(std::get<Message>(parse(bytes_of(message))), message);
  }
  EXPECT_EQ(bytes_of(longest()).size(), kMessageBytesMax);
  EXPECT_EQ(bytes_of(messages.front()).size(), 10U);
}

// Cut anywhere, too long by one, or with a byte that nothing has: it is refused, and why is said.
TEST(MembershipMessage, AnythingElseIsRefused) {
  const std::vector<std::byte> whole = bytes_of(longest());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(std::get<Malformed>(parse(std::span(whole).first(size))), Malformed::kTooShort);
  }
  std::vector<std::byte> longer = whole;
  longer.push_back({});
  EXPECT_EQ(std::get<Malformed>(parse(longer)), Malformed::kTooLong);

  const auto with = [&](std::size_t place, std::uint8_t value) {
    std::vector<std::byte> bytes = whole;
    bytes[place] = std::byte{value};
    return std::get<Malformed>(parse(bytes));
  };
  EXPECT_EQ(with(0, 0), Malformed::kUnknownKind);
  EXPECT_EQ(with(0, 5), Malformed::kUnknownKind);
  EXPECT_EQ(with(9, 5), Malformed::kNoAddress);
  EXPECT_EQ(with(28, kRumoursMax + 1), Malformed::kTooManyRumours);
  EXPECT_EQ(with(29 + 19, 3), Malformed::kUnknownState);
  std::vector<std::byte> nowhere = whole;
  nowhere[26] = nowhere[27] = std::byte{0};
  EXPECT_EQ(std::get<Malformed>(parse(nowhere)), Malformed::kNoAddress);
}

TEST(MembershipMessage, ReadsInOneLine) {
  EXPECT_EQ(describe(bytes_of({.kind = Kind::kJoin, .number = 1})), "JOIN 1");
  EXPECT_EQ(describe(bytes_of({.kind = Kind::kAskOther,
                               .number = 5,
                               .target = kV4,
                               .rumours = {{kV6, State::kSuspect, 2}}})),
            "ASK 5 about 192.0.2.7:7946, [2001:db8::7]:7946 suspect 2");
  EXPECT_EQ(describe(std::array{std::byte{9}}), "no membership: unknown_kind");
}

TEST(MembershipMessage, WhatIsNoMessageIsNotWritten) {
  Message message = longest();
  message.rumours.push_back({kV4, State::kAlive, 0});
  EXPECT_THROW(bytes_of(message), std::logic_error);
  EXPECT_THROW(bytes_of({.kind = Kind::kPing, .target = kV4}), std::logic_error);
  std::array<std::byte, 9> small{};
  EXPECT_THROW(write({.kind = Kind::kPing}, small), std::logic_error);
}

}  // namespace
}  // namespace lossy::membership
