#include <lossy/harness/link/delay_table.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <lossy/core/random.hpp>
#include <lossy/harness/link/distributions_for_test.hpp>
#include <lossy/harness/link/text.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

const char* const kBuiltIn[] = {"normal", "pareto", "paretonormal"};

std::string refusal(const std::string& text) {
  try {
    DelayTable::parse(text, "my.dist");
  } catch (const TextError& error) {
    return error.what();
  }
  return "no refusal";
}

EntryCounts entries(const DelayTable& table) {
  EntryCounts counts;
  for (const std::int16_t entry : table.quantiles()) counts.add(entry);
  return counts;
}

// The built-in tables are the quantiles of their closed forms, with the mean 0 and the deviation 1.
TEST(DelayTable, BuiltInOnesAreTheirClosedForms) {
  for (const char* name : kBuiltIn) {
    SCOPED_TRACE(name);
    const auto table = DelayTable::built_in(name);
    ASSERT_NE(table, nullptr);
    EXPECT_EQ(table->name(), name);
    EXPECT_EQ(table->quantiles().size(), 4096U);
    EXPECT_TRUE(std::ranges::is_sorted(table->quantiles()));
    const EntryCounts counts = entries(*table);
    // The mean of so many roundings is as good as 0.
    EXPECT_NEAR(counts.mean(), 0, 4e-6);
    EXPECT_NEAR(counts.deviation(), 1, 4e-6);
    // An entry is half a step of 1 / 4096 from either end of its share.
    EXPECT_LT(counts.distance(closed_form(name)), 1.0 / 4096);
    for (const char* other : kBuiltIn) {
      if (std::string(other) != name) {
        EXPECT_GT(counts.distance(closed_form(other)), 0.05);
      }
    }
  }
  EXPECT_EQ(DelayTable::built_in("uniform"), nullptr);
  EXPECT_EQ(DelayTable::built_in(""), nullptr);
  EXPECT_EQ(DelayTable::built_in("Normal"), nullptr);
}

// A table is read in iproute2's format, in any order, and is sorted.
TEST(DelayTable, ReadsNumbersInAnyOrder) {
  const auto table =
      DelayTable::parse("# mine\n 3 -32768\t+7\r\n\n  # more\n32767 -1 # here\n0", "a");
  EXPECT_EQ(table->name(), "a");
  EXPECT_THAT(table->quantiles(), ElementsAre(-32768, -1, 0, 3, 7, 32767));
  EXPECT_THAT(DelayTable::parse("5", "b")->quantiles(), ElementsAre(5));
  EXPECT_EQ(*DelayTable::parse("1 2", "a"), *DelayTable::parse("2\n1", "b"));
  EXPECT_FALSE(*DelayTable::parse("1 2", "a") == *DelayTable::parse("1 3", "a"));
}

// What is no table is refused, naming the file, the line and the word.
TEST(DelayTable, RefusesWhatIsNoTable) {
  EXPECT_EQ(refusal("1 2\n# c\n3 abc 4"),
            "\"my.dist\", line 3: \"abc\" is not a whole number from -32768 to 32767");
  for (const char* word : {"32768", "-32769", "99999999999999999999", "1.5", "0x10", "--1", "+",
                           "-", "+-1", "++1", "1e3", "1,2", "1;", "\x01"}) {
    EXPECT_THAT(refusal(std::string("1\n") + word), HasSubstr("line 2: " + quote(word))) << word;
  }
  EXPECT_THAT(refusal(std::string("1\n2\0", 4)), HasSubstr("line 2"));
  for (const char* empty : {"", "\n\n", "# nothing\n", " \t\r\n"}) {
    EXPECT_THAT(refusal(empty), HasSubstr("\"my.dist\" has no numbers"));
  }
}

// As many numbers as netem takes are read, and not one more.
TEST(DelayTable, HasNetemsBound) {
  std::string text;
  for (std::size_t i = 0; i < DelayTable::kEntriesMax; ++i) text += "1\n";
  EXPECT_EQ(DelayTable::parse(text, "a")->quantiles().size(), DelayTable::kEntriesMax);
  EXPECT_THAT(refusal(text + "2"), HasSubstr("line 16385: more than 16384 numbers"));
}

// Any text is a table or is refused.
TEST(DelayTable, AnyTextIsReadOrRefused) {
  const RandomStream random(4);
  constexpr std::string_view kLetters = "0123456789-+ \n\t#x.";
  std::uint64_t read = 0;
  for (std::uint64_t i = 0; i < 5000; ++i) {
    std::string text;
    const RandomStream letters = random.stream(i);
    for (std::uint64_t n = 1; n <= 1 + random.at(i) % 12; ++n) {
      text += kLetters[uniform_below(letters.at(n), kLetters.size())];
    }
    try {
      EXPECT_FALSE(DelayTable::parse(text, "a")->quantiles().empty());
      ++read;
    } catch (const TextError&) {
    }
  }
  EXPECT_GT(read, 100U);
  EXPECT_LT(read, 4900U);
}

// iproute2's own files are read, where they are there; the built-in tables are like them.
TEST(DelayTable, ReadsIproute2sFiles) {
  int found = 0;
  for (const std::string name : {"normal", "pareto", "paretonormal", "experimental"}) {
    SCOPED_TRACE(name);
    std::ifstream file("/usr/lib/x86_64-linux-gnu/tc/" + name + ".dist");
    if (!file) continue;
    ++found;
    std::stringstream text;
    text << file.rdbuf();
    const auto table = DelayTable::parse(text.str(), name);
    EXPECT_EQ(table->quantiles().size(), 4096U);
    const auto ours = DelayTable::built_in(name);
    if (!ours) continue;
    // Theirs are not standardised once they are cut off; but for that the shapes are the same.
    const double mean = entries(*table).mean();
    const double deviation = entries(*table).deviation();
    double differences = 0;
    for (std::size_t i = 0; i < 4096; ++i) {
      const double standardised = (table->quantiles()[i] / 8192.0 - mean) / deviation;
      differences += std::abs(ours->quantiles()[i] / 8192.0 - standardised);
    }
    EXPECT_LT(differences / 4096, 0.1);
  }
  if (found == 0) GTEST_SKIP() << "iproute2 is not installed";
}

// Every entry is as likely as the others, and is multiplied with the jitter, rounded to the nearest
// nanosecond.
TEST(DelayTable, MultipliesTheJitter) {
  const auto table = DelayTable::parse("-32768 -8192 -1 0 1 4096 8192 32767", "a");
  constexpr std::uint64_t kStep = std::uint64_t{1} << 61;  // Eight entries.
  EXPECT_EQ(table->at(0, 10ms), -40ms);
  EXPECT_EQ(table->at(1 * kStep - 1, 10ms), -40ms);
  EXPECT_EQ(table->at(1 * kStep, 10ms), -10ms);
  EXPECT_EQ(table->at(3 * kStep, 10ms), 0ms);
  EXPECT_EQ(table->at(4 * kStep, 8192ns), 1ns);
  EXPECT_EQ(table->at(5 * kStep, 10ms), 5ms);
  EXPECT_EQ(table->at(6 * kStep, 10ms), 10ms);
  EXPECT_EQ(table->at(~std::uint64_t{0}, 8192ns), 32767ns);
  for (std::uint64_t i = 0; i < 8; ++i) EXPECT_EQ(table->at(i * kStep, 0ns), 0ns);

  __extension__ typedef __int128 Int128;
  const RandomStream random(4);
  for (std::uint64_t n = 1; n <= 20'000; ++n) {
    const std::uint64_t draw = random.at(2 * n);
    const auto below = static_cast<std::uint64_t>(kDurationMax.count()) + 1;
    const Duration jitter(
        static_cast<Duration::rep>(uniform_below(random.at(2 * n + 1), below) >> n % 60));
    const Int128 exact = Int128{table->quantiles()[draw >> 61]} * jitter.count();
    const Int128 error = Int128{table->at(draw, jitter).count()} * DelayTable::kScale - exact;
    ASSERT_TRUE(error >= -4096 && error <= 4096) << n;
  }
  EXPECT_EQ(table->at(0, kDurationMax), -4 * kDurationMax);
  EXPECT_EQ(table->at(~std::uint64_t{0}, kDurationMax).count(), 3'999'877'929'687'500'000);
}

}  // namespace
}  // namespace lossy
