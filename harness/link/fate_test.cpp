#include <lossy/harness/link/fate.hpp>

#include <gtest/gtest.h>

namespace lossy {
namespace {

using namespace std::chrono_literals;

// A fate that nobody touched: one copy, on time and intact.
TEST(Fate, IsPlainByDefault) {
  const Fate fate;
  EXPECT_TRUE(fate.is_plain());
  EXPECT_FALSE(fate.lost());
  EXPECT_EQ(fate.copies().size(), 1U);
  EXPECT_TRUE(fate.copies()[0].flips().empty());
}

// Whatever happens to a datagram makes its fate another one, and not plain.
TEST(Fate, AnythingThatHappensMakesADifference) {
  Fate lost;
  lost.copies_count = 0;
  Fate seen_by_checksum = lost;
  seen_by_checksum.loss = LossReason::kChecksum;
  Fate twice;
  twice.copies_count = 2;
  Fate late;
  late.copy[0].extra_delay = 1ns;
  Fate held;
  held.copy[0].held_back = true;
  Fate early;
  early.copy[0].early = true;
  Fate flipped;
  flipped.copy[0].flips_count = 1;
  Fate flipped_elsewhere = flipped;
  flipped_elsewhere.copy[0].flipped_bits[0] = 1;
  Fate cut;
  cut.copy[0].kept_bytes = 0;
  Fate cut_elsewhere;
  cut_elsewhere.copy[0].kept_bytes = 1;
  const Fate all[] = {Fate{}, lost,          twice,           late,
                      held,   early,         flipped,         flipped_elsewhere,
                      cut,    cut_elsewhere, seen_by_checksum};
  for (const Fate& a : all) {
    EXPECT_EQ(a.is_plain(), &a == &all[0]);
    EXPECT_EQ(a.lost(), &a == &all[1] || &a == &all[10]);
    for (const Fate& b : all) EXPECT_EQ(a == b, &a == &b);
  }
}

// What lies behind the last copy and behind the last flip is left over, and means nothing.
TEST(Fate, WhatIsLeftOverMeansNothing) {
  Fate fate;
  fate.copy[1].extra_delay = 5ms;
  fate.copy[0].flipped_bits[0] = 17;
  EXPECT_EQ(fate, Fate{});
  EXPECT_TRUE(fate.is_plain());
}

}  // namespace
}  // namespace lossy
