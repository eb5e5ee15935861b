#include <lossy/harness/sim/script.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include <lossy/core/greeting/message.hpp>
#include <lossy/core/random.hpp>
#include <lossy/harness/sim/scripts_for_test.hpp>

namespace lossy {
namespace {

std::vector<std::byte> bytes(std::initializer_list<int> values) {
  std::vector<std::byte> result;
  for (const int value : values) result.push_back(static_cast<std::byte>(value));
  return result;
}

// Every sequence of bytes is a script, which is written as a canonical one, which reads as the
// same.
TEST(Script, EverySequenceOfBytesIsOne) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE(seed);
    const Script script = decode(random_bytes(seed));
    const auto canonical_bytes = encode(script);
    EXPECT_EQ(decode(canonical_bytes), script);
    EXPECT_EQ(encode(decode(canonical_bytes)), canonical_bytes);
  }
}

// What is missing is zeros, which mean the defaults; what does not fill an operation is not there.
TEST(Script, WhatIsMissingIsZero) {
  EXPECT_EQ(decode({}), Script{});
  EXPECT_EQ(decode(bytes({9})), Script{});
  EXPECT_EQ(encode(Script{}), bytes({1, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(decode(bytes({1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0})), Script{});
  EXPECT_EQ(decode(bytes({1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0})).operations.size(), 1U);
}

// Whatever a byte is, it chooses one of what there is, and what means nothing is zero.
TEST(Script, BytesChooseModulo) {
  EXPECT_EQ(decode(bytes({1, 6})).options[0], 0);  // Six windows.
  const auto operation = [](int kind, int a, int b, int c) {
    return canonical(
        static_cast<std::uint8_t>(kind),
        {static_cast<std::uint8_t>(a), static_cast<std::uint8_t>(b), static_cast<std::uint8_t>(c)});
  };
  EXPECT_EQ(operation(kOperationKindCount, 17, 1, 1), (Operation{}));
  EXPECT_EQ(operation(1, 1, 2, 3), (Operation{.kind = OperationKind::kTimeout}));
  EXPECT_EQ(operation(5, 5, 2, 3),
            (Operation{.kind = OperationKind::kPass, .arguments = {1, 2, 3}}));
  EXPECT_EQ(operation(14, 255, 6, 6),
            (Operation{.kind = OperationKind::kInject, .arguments = {7, 2, 0}}));
}

// A script has a bounded number of operations, and those behind are not there.
TEST(Script, IsBounded) {
  const Script script = decode(std::vector<std::byte>(2 * Script::kBytesMax));
  EXPECT_EQ(script.operations.size(), Script::kOperationsMax);
  EXPECT_EQ(encode(script).size(), Script::kBytesMax);
}

// The names of a script are names, and the rubbish is not: each for the server or for the client.
TEST(Script, NamesAreNamesAndRubbishIsNot) {
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < kScriptNameCount; ++i) {
    const std::string_view name = script_name(i);
    EXPECT_TRUE(seen.insert(name).second) << name;
    EXPECT_TRUE(
        std::holds_alternative<std::string_view>(parse_request(std::as_bytes(std::span(name)))));
  }
  EXPECT_EQ(script_name(kScriptLongestName).size(), kNameBytesMax);
  for (std::size_t i = 0; i < kScriptRubbishCount; ++i) {
    const auto payload = std::as_bytes(std::span(script_rubbish(i)));
    EXPECT_TRUE(std::holds_alternative<Malformed>(parse_greeting(payload))) << i;
  }
}

// A client can be made of every choice of options.
TEST(Script, AllOptionsMakeAClient) {
  Script script;
  for (std::size_t option = 0; option < kScriptOptionCount; ++option) {
    const std::size_t words = text_of(static_cast<ScriptOption>(option)).words.size();
    for (std::size_t word = 0; word < words; ++word) {
      script.options[option] = static_cast<std::uint8_t>(word);
      for (std::uint8_t max_rto = 0; max_rto < 4; ++max_rto) {
        Script one = script;
        if (option != 4) one.options[4] = max_rto;
        EXPECT_NO_THROW(Client(client_options(one, Address{})));
      }
    }
  }
}

}  // namespace
}  // namespace lossy
