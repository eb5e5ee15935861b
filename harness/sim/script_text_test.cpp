#include <lossy/harness/sim/script_text.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include <lossy/core/random.hpp>
#include <lossy/harness/sim/scripts_for_test.hpp>

namespace lossy {
namespace {

using testing::HasSubstr;

// A text with each operation, in the form in which it is printed.
constexpr std::string_view kEverything = R"(script 1
window 2
attempts 3
initial-rto 100ms
min-rto 1ns
max-rto 24h
clock earliest
family ipv6
greet "Michael"
greet longest
greet "Hello, \"Zoë\" # \\ \x01\n"
timeout
timeout early
timeout late 5ms
tick 250us
pass 65535s
wait 0ns
deliver uplink 0
deliver all
drop downlink 127
duplicate uplink 1
swap downlink 3 4
flip uplink 0 65535
cut downlink 1 4
inject uplink peer name "Bob"
inject uplink other-port name longest
inject downlink other-host greeting "A"
inject downlink reflected greeting "Alice"
inject uplink peer rubbish overlong
inject uplink peer bytes "\xff\x00"
inject uplink peer bytes "A"
rebind 3
text "abc"
greet "Bob"
text "A"
greet text
greet text
inject uplink peer bytes text
inject downlink peer greeting text
text "a"
text "bc"
greet text
text "\xc3"
)";

// What is printed reads as the same, and is printed the same once more.
TEST(ScriptText, IsPrintedAndReadWithoutLoss) {
  const Script script = parse_script(kEverything);
  EXPECT_EQ(format_script(script), kEverything);
  EXPECT_EQ(decode(encode(script)), script);
}

// So is whatever bytes make a script.
TEST(ScriptText, EveryScriptHasAText) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE(seed);
    const Script script = random_script(seed);
    const std::string text = format_script(script);
    EXPECT_EQ(parse_script(text), script) << text;
    EXPECT_EQ(format_script(parse_script(text)), text);
  }
}

// Comments, spaces, line ends of either kind and options that are meant anyway make no difference.
TEST(ScriptText, IsReadAsPeopleWriteIt) {
  const Script script = parse_script(
      "# A comment\r\n\n  script   1 # the version\n\twindow 1\ngreet \"A\"#\ngreet \"\\x4\x31\"");
  EXPECT_EQ(format_script(script), "script 1\ngreet \"A\"\ngreet \"A\"\n");
}

// A name that is none of the script's own lies in operations of three bytes before the one that
// uses it.
TEST(ScriptText, KeepsTextsInOperations) {
  const Script script = parse_script("script 1\ngreet \"Alice\"");
  ASSERT_EQ(script.operations.size(), 3U);
  EXPECT_EQ(script.operations[0].kind, OperationKind::kText3);
  EXPECT_EQ(script.operations[1].kind, OperationKind::kText2);
  EXPECT_EQ(script.operations[2].name(), kScriptTextName);
  EXPECT_EQ(parse_script("script 1\ngreet \"Tracy\"").operations.size(), 1U);
}

// Whatever cannot be read is refused, with the line and the word, and what would do.
TEST(ScriptText, SaysWhatCannotBeRead) {
  struct Broken {
    const char* text;
    std::size_t line;
    const char* word;
    const char* why;
  };
  const std::string longest = "script 1\ngreet \"" + std::string(1017, 'a') + '"';
  const std::string longer = "script 1\ninject uplink peer bytes \"" + std::string(1041, 'a') + '"';
  for (const Broken& broken : std::vector<Broken>{
           {"", 1, "", "begins with its version"},
           {"# nothing\n", 1, "", "begins with its version"},
           {"greet \"A\"", 1, "greet", "begins with its version"},
           {"script 2", 1, "2", "here stands version 1"},
           {"script 3", 1, "3", "not a version"},
           {"script", 1, "", "not a version"},
           {"script 1 1", 1, "1", "nothing more"},
           {"script 1\nwindow 5", 2, "5", "1, 2, 3, 4, 8 or 16"},
           {"script 1\nwindow 2\nwindow 2", 3, "window", "said before"},
           {"script 1\ntimeout\nwindow 2", 3, "window", "before the first operation"},
           {"script 1\nfrobnicate", 2, "frobnicate", "no operation"},
           {"script 1\nscript 1", 2, "script", "no operation"},
           {"script 1\ntimeout soon", 2, "soon", "early or late"},
           {"script 1\ntick", 2, "", "a time"},
           {"script 1\ntick 65536ms", 2, "65536ms", "65535"},
           {"script 1\ntick 1.5s", 2, "1.5s", "whole number"},
           {"script 1\ntick 01s", 2, "01s", "whole number"},
           {"script 1\ntick 1m", 2, "1m", "ns, us, ms or s"},
           {"script 1\ndeliver", 2, "", "uplink or downlink"},
           {"script 1\ndeliver up 1", 2, "up", "uplink or downlink"},
           {"script 1\ndrop all", 2, "all", "uplink or downlink"},
           {"script 1\ndeliver uplink 128", 2, "128", "0 to 127"},
           {"script 1\ndeliver uplink -1", 2, "-1", "0 to 127"},
           {"script 1\nflip uplink 0 65536", 2, "65536", "0 to 65535"},
           {"script 1\nrebind 4", 2, "4", "0 to 3"},
           {"script 1\ninject uplink me name \"A\"", 2, "me", "reflected"},
           {"script 1\ninject uplink peer rubbish tea", 2, "tea", "byte-ff"},
           {"script 1\ninject uplink peer bytes \"\"", 2, "\"\"", "rubbish empty"},
           {"script 1\ngreet Michael", 2, "Michael", "within quotes"},
           {"script 1\ngreet \"\"", 2, "\"\"", "a byte at least"},
           {"script 1\ngreet \"A", 2, "\"A", "closing quote"},
           {"script 1\ngreet \"\\q\"", 2, "\"\\q", "backslash"},
           {"script 1\ngreet \"\\x4\"", 2, "\"\\x", "backslash"},
           {"script 1\ngreet \"\tA\"", 2, "\"\t", "control character"},
           {"script 1\ntext \"abcd\"", 2, "\"abcd\"", "one to three"},
           {"script 1\ntext \"\"", 2, "\"\"", "one to three"},
           {"script 1\ntext abc", 2, "abc", "within quotes"},
           {"script 1\ntext \"a\"\ngreet \"Alice\"", 3, "text", "which has its own"},
           {longest.c_str(), 2, nullptr, "1016 bytes"},
           {longer.c_str(), 2, "", "that long"},
       }) {
    SCOPED_TRACE(std::string(broken.text).substr(0, 60));
    try {
      parse_script(broken.text);
      ADD_FAILURE() << "it was read";
    } catch (const ScriptError& error) {
      EXPECT_EQ(error.line, broken.line);
      EXPECT_EQ(error.word, broken.word == nullptr ? error.word : broken.word);
      EXPECT_THAT(error.what(), HasSubstr(broken.why));
      EXPECT_THAT(error.what(), HasSubstr("line " + std::to_string(broken.line)));
    }
  }
}

// There is a bound on operations and on text.
TEST(ScriptText, IsBounded) {
  std::string text = "script 1\n";
  for (std::size_t i = 0; i < Script::kOperationsMax; ++i) text += "timeout\n";
  EXPECT_EQ(parse_script(text).operations.size(), Script::kOperationsMax);
  EXPECT_THROW(parse_script(text + "timeout\n"), ScriptError);
  EXPECT_THROW(parse_script(text + "text \"a\"\n"), ScriptError);
  EXPECT_THROW(parse_script("script 1\n" + std::string(kScriptTextBytesMax, '\n')), ScriptError);
}

// Whatever is done to a text, it is read or refused, and what is read is printed and read again.
TEST(ScriptText, HostileTextIsReadOrRefused) {
  std::uint64_t read = 0;
  for (std::uint64_t seed = 0; seed < 5000; ++seed) {
    const RandomStream stream(seed);
    std::string text(kEverything);
    for (std::uint64_t i = 0; i <= seed % 3; ++i) {
      const auto at = static_cast<std::size_t>(uniform_below(stream.at(3 * i), text.size()));
      const std::uint64_t what = stream.at(3 * i + 1);
      if (what % 3 == 0) text.erase(at, 1 + what / 3 % 9);
      if (what % 3 == 1) text[at] = static_cast<char>(stream.at(3 * i + 2));
      if (what % 3 == 2) text.insert(at, text.substr(what / 3 % text.size(), 7));
    }
    try {
      const Script script = parse_script(text);
      EXPECT_EQ(parse_script(format_script(script)), script);
      ++read;
    } catch (const ScriptError& error) {
      EXPECT_GE(error.line, 1U);
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    }
  }
  EXPECT_GT(read, 50U);
}

}  // namespace
}  // namespace lossy
