#include <lossy/harness/report/fate_words.hpp>

#include <gtest/gtest.h>

#include <chrono>

#include <lossy/harness/link/fault_list.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

const Passage kUp{};

// What becomes of the first datagram with such a fate, as `faults` says: the words where it is
// sent, and where each of its copies arrives.
std::vector<std::string> words(const std::string& faults) {
  const FaultList list = FaultList::parse("uplink.1:" + faults);
  Link link({.delay = 20ms}, std::make_unique<ListedFates>(list, Direction::kUplink));
  FateWords fates;
  const std::vector<std::byte> payload(8);
  std::vector<std::string> all{fates.offered(kUp, link.handle_datagram(Instant(), payload))};
  while (const auto due = link.poll_timeout()) {
    while (const auto delivery = link.poll_transmit(*due)) {
      all.push_back(fates.delivered(kUp, *delivery));
    }
  }
  return all;
}

// A datagram that is only delivered needs no words.
TEST(FateWordsTest, NothingToSay) {
  EXPECT_EQ(words("deliver"), (std::vector<std::string>{"", ""}));
}

// Each copy says which it is, and what happened to it.
TEST(FateWordsTest, TellsCopiesApart) {
  EXPECT_EQ(words("drop"), (std::vector<std::string>{"lost: drop"}));
  EXPECT_EQ(words("checksum"), (std::vector<std::string>{"lost: checksum"}));
  EXPECT_EQ(words("hold+10ms"), (std::vector<std::string>{"held back 10 ms", "held back 10 ms"}));
  EXPECT_EQ(words("duplicate"), (std::vector<std::string>{"2 copies", "copy 1", "copy 2"}));
  EXPECT_EQ(words("deliver/hold+10ms"),
            (std::vector<std::string>{"2 copies: on time; held back 10 ms", "copy 1",
                                      "copy 2, held back 10 ms"}));
  EXPECT_EQ(words("corrupt^3"), (std::vector<std::string>{"bit 3 flipped", "bit 3 flipped"}));
}

// A later one that came first is told where this one arrives.
TEST(FateWordsTest, TellsOfReordering) {
  FateWords fates;
  Delivery delivery;
  delivery.first_arrival = true;
  delivery.reordered = true;
  EXPECT_EQ(fates.delivered(kUp, delivery), "reordered: a later one came first");
  delivery = {};
  delivery.copy = 1;
  EXPECT_EQ(fates.delivered(kUp, delivery), "copy 2");
}

}  // namespace
}  // namespace lossy
