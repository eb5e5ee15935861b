#include <lossy/core/greeting/name_table.hpp>

#include <utility>

#include <lossy/core/check.hpp>

namespace lossy {

void NameTable::insert(std::uint64_t hash, std::uint32_t index) {
  if (++used_ * 2 > slots_.size()) grow();
  place({hash, index});
}

void NameTable::erase(std::uint64_t hash, std::uint32_t index) {
  std::size_t hole = home(hash);
  while (slots_[hole].index != index) {
    check(slots_[hole].index != kNone, "NameTable::erase: nothing there");
    hole = next(hole);
  }
  --used_;
  // Close the hole with whatever behind it would not be found across it, so that no marker stays.
  for (std::size_t at = next(hole); slots_[at].index != kNone; at = next(at)) {
    const std::size_t wanted = home(slots_[at].hash);
    const bool reaches_past_hole =
        ((at - wanted) & (slots_.size() - 1)) >= ((at - hole) & (slots_.size() - 1));
    if (reaches_past_hole) slots_[std::exchange(hole, at)] = slots_[at];
  }
  slots_[hole] = Slot{};
}

void NameTable::place(Slot slot) {
  std::size_t at = home(slot.hash);
  while (slots_[at].index != kNone) at = next(at);
  slots_[at] = slot;
}

void NameTable::grow() {
  for (const Slot& slot : std::exchange(slots_, std::vector<Slot>(slots_.size() * 2))) {
    if (slot.index != kNone) place(slot);
  }
}

}  // namespace lossy
