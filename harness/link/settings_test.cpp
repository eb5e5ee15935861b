#include <lossy/harness/link/settings.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace lossy {
namespace {

using namespace std::chrono_literals;

// Settings in which every field says something that no default says. A field that is new and
// missing here fails EveryFieldIsTreated.
LinkSettings full() {
  LinkSettings settings;
  settings.delay = 20ms;
  settings.jitter = 5ms;
  settings.jitter_correlation = Probability::ratio(1, 4);
  settings.distribution = DelayTable::built_in("normal");
  settings.keeps_order = true;
  settings.loss = GilbertElliott{Probability::ratio(1, 100), Probability::ratio(1, 10)};
  settings.checksum = Chance(Probability::ratio(1, 50));
  settings.duplicate = Chance(Probability::ratio(1, 20), Probability::ratio(1, 2));
  settings.reorder = Chance(Probability::ratio(1, 30));
  settings.reorder_delay = 3ms;
  settings.early = Early{Chance(Probability::ratio(1, 40)), 5};
  settings.corrupt = Chance(Probability::ratio(1, 60));
  settings.corrupt_bits = 3;
  settings.truncate = Chance(Probability::ratio(1, 70));
  settings.rate = RateLimit{1'000'000, 14, 53, -5};
  settings.trace = DeliveryTrace::parse("1\n2\n", "two");
  settings.slots = Slots{.enabled = true, .interval_min = 1ms, .interval_max = 2ms};
  settings.queue_datagrams = 7;
  settings.queue_bytes = 7000;
  settings.in_flight = 50;
  settings.mtu_bytes = 1280;
  settings.outages = {{Instant(1s), Instant(2s)}};
  settings.seed = 9;
  return settings;
}

// Equality and laying over treat every field there is: each alone makes a difference, and each
// alone is carried over.
TEST(LinkSettings, EveryFieldIsTreated) {
  const LinkSettings all = full();
  EXPECT_TRUE(all == full());
  std::size_t fields = 0;
  std::set<std::string> names;
  for_each_setting([&](const char* name, auto field) {
    SCOPED_TRACE(name);
    ++fields;
    names.insert(name);
    ASSERT_TRUE((all.*field).has_value());
    LinkSettings one;
    one.*field = all.*field;
    EXPECT_FALSE(one == LinkSettings{});
    EXPECT_TRUE(overlaid(LinkSettings{}, one) == one);
    EXPECT_TRUE(overlaid(one, LinkSettings{}) == one);
    EXPECT_TRUE(overlaid(all, one) == all);
  });
  EXPECT_EQ(names.size(), fields);
}

// Whoever says something later is believed, and only in what they say.
TEST(LinkSettings, TheUpperOneWins) {
  LinkSettings base;
  base.delay = 10ms;
  base.jitter = 1ms;
  LinkSettings over;
  over.delay = 20ms;
  over.mtu_bytes = 1500;
  const LinkSettings both = overlaid(base, over);
  EXPECT_EQ(both.delay, 20ms);
  EXPECT_EQ(both.jitter, 1ms);
  EXPECT_EQ(both.mtu_bytes, 1500U);
  EXPECT_FALSE(both.loss.has_value());
}

// Tables and traces are compared by what is in them, not by where they lie.
TEST(LinkSettings, ComparesTablesByValue) {
  LinkSettings a;
  LinkSettings b;
  a.distribution = DelayTable::parse("-1 0 1", "a");
  b.distribution = DelayTable::parse("-1 0 1", "b");
  EXPECT_TRUE(a == b);
  b.distribution = DelayTable::parse("-1 0 2", "b");
  EXPECT_FALSE(a == b);
  b.distribution = nullptr;  // Uniform.
  EXPECT_FALSE(a == b);
}

// Every setting reaches the link or the fates under its own name.
TEST(LinkSettings, ReachWhatTheyAreFor) {
  const LinkOptions options = link_options(full(), 48);
  EXPECT_EQ(options.delay, 20ms);
  EXPECT_TRUE(options.keeps_order);
  EXPECT_EQ(options.rate, (RateLimit{1'000'000, 14, 53, -5}));
  ASSERT_NE(options.trace, nullptr);
  EXPECT_EQ(options.trace->name(), "two");
  EXPECT_EQ(options.queue_datagrams_max, 7U);
  EXPECT_EQ(options.queue_bytes_max, 7000U);
  EXPECT_TRUE(options.slots == *full().slots);
  EXPECT_EQ(options.mtu_bytes, 1280U);
  EXPECT_EQ(options.header_bytes, 48U);
  EXPECT_EQ(options.in_flight_max, 50U);

  const Impairments chances = impairments(full());
  EXPECT_TRUE(chances.loss == *full().loss);
  EXPECT_EQ(chances.checksum, *full().checksum);
  EXPECT_EQ(chances.duplicate, *full().duplicate);
  EXPECT_EQ(chances.reorder, *full().reorder);
  EXPECT_EQ(chances.reorder_delay, 3ms);
  EXPECT_EQ(chances.early, *full().early);
  EXPECT_EQ(chances.delay, 20ms);
  EXPECT_EQ(chances.corrupt, *full().corrupt);
  EXPECT_EQ(chances.corrupt_bits, 3U);
  EXPECT_EQ(chances.truncate, *full().truncate);
  EXPECT_EQ(chances.jitter, 5ms);
  EXPECT_EQ(chances.jitter_correlation, Probability::ratio(1, 4));
  ASSERT_NE(chances.distribution, nullptr);
  EXPECT_EQ(chances.distribution->name(), "normal");
}

// Nothing said is the path that only exists: the defaults of LinkOptions and Impairments.
TEST(LinkSettings, NothingSaidIsTheDefault) {
  const LinkOptions options = link_options(LinkSettings{}, 28);
  const LinkOptions defaults;
  EXPECT_EQ(options.queue_datagrams_max, defaults.queue_datagrams_max);
  EXPECT_EQ(options.queue_bytes_max, defaults.queue_bytes_max);
  EXPECT_EQ(options.in_flight_max, defaults.in_flight_max);
  EXPECT_EQ(options.mtu_bytes, 0U);
  EXPECT_FALSE(options.slots.enabled);
  EXPECT_EQ(options.trace, nullptr);
  EXPECT_EQ(impairments(LinkSettings{}).reorder_delay, Impairments{}.reorder_delay);
}

}  // namespace
}  // namespace lossy
