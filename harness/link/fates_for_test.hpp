// What random fates look like to those who test them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

#include <lossy/harness/link/chain_for_test.hpp>
#include <lossy/harness/link/direction.hpp>
#include <lossy/harness/link/fate.hpp>
#include <lossy/harness/link/random_fates.hpp>

namespace lossy {

inline constexpr std::uint64_t kDatagrams = 1'000'000;
inline constexpr std::size_t kPayloadBytes = 25;
inline constexpr Direction kDirections[] = {Direction::kUplink, Direction::kDownlink};

// Calls with each of the first datagrams' numbers and fates.
template <typename Visit>
void for_each_fate(const Timeline<Impairments>& impairments, std::uint64_t seed,
                   Direction direction, std::uint64_t datagrams, Visit&& visit) {
  RandomFates fates(impairments, seed, direction);
  for (std::uint64_t number = 1; number <= datagrams; ++number) {
    visit(number, fates.decide({}, number, kPayloadBytes));
  }
}

// The delay that an early datagram jumps in these tests, far above what else moves a copy.
inline constexpr Duration kJumpedDelay = std::chrono::seconds(100);

inline bool is_early(const CopyFate& copy) {
  return copy.extra_delay < -kJumpedDelay / 2;
}

// Something that happens by chance: how it is asked for, and how it shows.
struct Knob {
  const char* name;
  std::function<void(Impairments&, const Chance&)> set;
  bool (*happened)(const Fate& fate, std::size_t copy);
  // The fate as it would be had this not happened.
  void (*undo)(Fate& fate, std::size_t copy);
  bool of_copies;  // Each copy has its own.
};

inline const Knob kKnobs[] = {
    {"loss", [](Impairments& i, const Chance& c) { i.loss = RandomLoss{c}; },
     [](const Fate& f, std::size_t) { return f.lost() && f.loss == LossReason::kDrop; },
     [](Fate& f, std::size_t) { f.copies_count = 1; }, false},
    {"checksum", [](Impairments& i, const Chance& c) { i.checksum = c; },
     [](const Fate& f, std::size_t) { return f.lost() && f.loss == LossReason::kChecksum; },
     [](Fate& f, std::size_t) { f.copies_count = 1; }, false},
    {"duplicate", [](Impairments& i, const Chance& c) { i.duplicate = c; },
     [](const Fate& f, std::size_t) { return f.copies_count == 2 && f.copy[1] == CopyFate{}; },
     [](Fate& f, std::size_t) { f.copies_count = 1; }, false},
    {"reorder", [](Impairments& i, const Chance& c) { i.reorder = c; },
     [](const Fate& f, std::size_t copy) { return f.copy[copy].held_back; },
     [](Fate& f, std::size_t copy) {
       f.copy[copy].held_back = false;
       f.copy[copy].extra_delay -= Impairments{}.reorder_delay;
       f.copy[copy].early = is_early(f.copy[copy]);
     },
     true},
    {"early",
     [](Impairments& i, const Chance& c) {
       i.early.chance = c;
       i.delay = kJumpedDelay;
     },
     [](const Fate& f, std::size_t copy) { return is_early(f.copy[copy]); },
     [](Fate& f, std::size_t copy) {
       f.copy[copy].early = false;
       f.copy[copy].extra_delay += kJumpedDelay;
     },
     true},
    {"corrupt", [](Impairments& i, const Chance& c) { i.corrupt = c; },
     [](const Fate& f, std::size_t copy) { return f.copy[copy].flips_count == 1; },
     [](Fate& f, std::size_t copy) { f.copy[copy].flips_count = 0; }, true},
    {"truncate", [](Impairments& i, const Chance& c) { i.truncate = c; },
     [](const Fate& f, std::size_t copy) { return f.copy[copy].kept_bytes < kPayloadBytes; },
     [](Fate& f, std::size_t copy) { f.copy[copy].kept_bytes = CopyFate::kWhole; }, true},
};

// Everything at once, each at a rate of its own.
inline Impairments everything() {
  using std::chrono::milliseconds;
  return {.loss = GilbertElliott{percent(2), percent(20), percent(90), percent(1)},
          .checksum = percent(4),
          .duplicate = percent(20),
          .reorder = percent(15),
          .reorder_delay = milliseconds(7),
          .early = {percent(30), 3},
          .delay = kJumpedDelay,
          .corrupt = percent(25),
          .corrupt_bits = 3,
          .truncate = percent(35),
          .jitter = milliseconds(3),
          .jitter_correlation = percent(40),
          .distribution = DelayTable::built_in("normal")};
}

}  // namespace lossy
