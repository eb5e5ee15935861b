#include "harness/link/fate.hpp"

#include <algorithm>

namespace lossy {

bool operator==(const CopyFate& a, const CopyFate& b) {
  return a.extra_delay == b.extra_delay && a.held_back == b.held_back &&
         std::ranges::equal(a.flips(), b.flips());
}

bool operator==(const Fate& a, const Fate& b) {
  return std::ranges::equal(a.copies(), b.copies());
}

bool Fate::is_plain() const {
  return copies_count == 1 && copy[0] == CopyFate{};
}

}  // namespace lossy
