#include <lossy/harness/learn/lesson.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include <lossy/core/random.hpp>
#include <lossy/harness/learn/lesson_text.hpp>
#include <lossy/harness/learn/tolerance.hpp>

namespace lossy {
namespace {

using testing::HasSubstr;

const Lesson& lesson_named(std::string_view name) {
  for (const Lesson& lesson : simulated_lessons()) {
    if (name == lesson.name) return lesson;
  }
  throw std::runtime_error("no lesson " + std::string(name));
}

// Every lesson, with the numbers that it has and with those of other seeds, happens as it is
// taught.
TEST(Lessons, HoldWithAnySeed) {
  for (const Lesson& lesson : simulated_lessons()) {
    for (const char* seed : {"1", "2", "3", "18446744073709551615"}) {
      SCOPED_TRACE(testing::Message() << "lossy learn " << lesson.name << " --seed=" << seed);
      Settings settings(lesson.takes);
      settings.set(Parameter::kSeed, seed);
      for (const char* large :
           {"vanish", "bursts", "checksum"}) {  // Fewer than a person waits for.
        if (lesson.name == std::string(large)) settings.set(Parameter::kCount, "50000");
      }
      EXPECT_EQ(failures_text(lesson, lesson.run(settings)), "");
    }
  }
}

// What sending again costs has a closed form for each timer, whatever the delays: of those that
// keep the doubled timer and of those that begin anew.
TEST(Lessons, AgainMeasuresWhatTheoryHas) {
  const Lesson& lesson = lesson_named("again");
  for (const char* before : {"1ms", "20ms", "100ms"}) {
    for (const char* after : {"1ms", "100ms", "101ms", "300ms", "301ms", "1499ms", "10s"}) {
      for (const char* timer : {"50ms", "200ms", "1s"}) {
        SCOPED_TRACE(testing::Message()
                     << "lossy learn again --delay=" << before << " --delay-after=" << after
                     << " --timer=" << timer << " --count=100");
        Settings settings(lesson.takes);
        settings.set(Parameter::kDelay, before);
        settings.set(Parameter::kDelayAfter, after);
        settings.set(Parameter::kTimer, timer);
        settings.set(Parameter::kCount, "100");
        for (const Figure& figure : lesson.run(settings).figures) {
          EXPECT_TRUE(figure.holds())
              << figure.what << ": " << figure.measured << ", theory " << figure.theory;
        }
      }
    }
  }
}

// The same settings give the same numbers, and another seed gives others.
TEST(Lessons, AreDecidedByTheirSeed) {
  const Lesson& lesson = lesson_named("twice");
  Settings settings(lesson.takes);
  const auto json = [&] { return lesson_json(lesson, settings, lesson.run(settings)); };
  const nlohmann::ordered_json first = json();
  EXPECT_EQ(json(), first);
  settings.set(Parameter::kSeed, "7");
  EXPECT_NE(json(), first);
}

// A number is far off when it is outside its tolerance, on either side, or no number at all.
TEST(Figure, HoldsWithinItsTolerance) {
  Figure figure{"n", "n", FigureUnit::kCount, 12, 10, 2};
  EXPECT_TRUE(figure.holds());
  figure.measured = 12.1;
  EXPECT_FALSE(figure.holds());
  figure.measured = 7.9;
  EXPECT_FALSE(figure.holds());
  figure.measured = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(figure.holds());
  figure = {"n", "n", FigureUnit::kCount, 10, 10, 0};
  EXPECT_TRUE(figure.holds());
}

// What was not as it is taught is said, and where nothing was there is nothing to say.
TEST(Figure, IsNamedWhenItIsFarOff) {
  Outcome outcome;
  outcome.figures = {{"lost", "datagrams lost", FigureUnit::kShare, 0.2, 0.1, 0.01}};
  outcome.claims = {{"Nothing was lost.", false}};
  EXPECT_FALSE(outcome.holds());
  const std::string failures = failures_text(lesson_named("vanish"), outcome);
  EXPECT_THAT(failures, HasSubstr("datagrams lost: measured 20%, theory 10% ± 1%"));
  EXPECT_THAT(failures, HasSubstr("not what it teaches: Nothing was lost."));
  EXPECT_THAT(outcome_text(outcome, 80), HasSubstr("FAR OFF"));
}

// A tolerance is wide enough for chance, and too narrow for another probability.
TEST(Tolerance, TellsChanceFromAnotherProbability) {
  constexpr std::uint64_t kTries = 2'000;
  for (const double p : {0.0005, 0.01, 0.1, 0.5}) {
    const auto probability =
        Probability::ratio(static_cast<std::uint64_t>(std::llround(p * 10'000)), 10'000);
    for (std::uint64_t seed = 1; seed <= 500; ++seed) {
      const RandomStream stream(seed);
      double count = 0;
      for (std::uint64_t i = 0; i < kTries; ++i) count += probability.happens(stream.at(i));
      ASSERT_LE(std::abs(count - kTries * p), count_tolerance(kTries, p)) << p << ' ' << seed;
    }
  }
  EXPECT_LT(share_tolerance(100'000, 0.1), 0.006);
  EXPECT_EQ(share_tolerance(1000, 0), 0);
  EXPECT_EQ(share_tolerance(1000, 1), 0);
}

// A parameter stays within what the lesson is about, and what it has no use for is refused with the
// reason.
TEST(Parameters, AreBounded) {
  const Lesson& lesson = lesson_named("queue");
  Settings settings(lesson.takes);
  EXPECT_THROW(settings.set(Parameter::kQueue, "0"), TextError);
  EXPECT_THROW(settings.set(Parameter::kInterval, "2s"), TextError);
  EXPECT_THROW(settings.set(Parameter::kRate, "1bit"), TextError);
  EXPECT_EQ(settings.arguments(), "");
  settings.set(Parameter::kQueue, "9");
  EXPECT_EQ(settings.arguments(), " --queue=9");
  EXPECT_EQ(why_not(lesson, Parameter::kDrop),
            "--drop: lesson 10 (queue) has no use for it: its link does nothing but carry one "
            "datagram after the other; it takes --rate, --queue, --interval, --bytes");
}

// Numbers and names are each a lesson's own, and a lesson's standards are within its bounds.
TEST(Lessons, AreToldApart) {
  std::set<std::string> names;
  std::set<int> numbers;
  for (const Lesson& lesson : simulated_lessons()) {
    EXPECT_TRUE(names.insert(lesson.name).second && numbers.insert(lesson.number).second);
    Settings settings(lesson.takes);
    for (const Taken& taken : lesson.takes) settings.set(taken.parameter, taken.standard);
  }
}

}  // namespace
}  // namespace lossy
