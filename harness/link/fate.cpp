#include <lossy/harness/link/fate.hpp>

#include <algorithm>
#include <array>

namespace lossy {

std::string_view to_string(LossReason reason) {
  constexpr std::array<std::string_view, kLossReasonCount> kNames{"drop", "checksum", "outage",
                                                                  "mtu",  "queue",    "in_flight"};
  return kNames[static_cast<std::size_t>(reason)];
}

bool operator==(const CopyFate& a, const CopyFate& b) {
  return a.extra_delay == b.extra_delay && a.held_back == b.held_back && a.early == b.early &&
         a.kept_bytes == b.kept_bytes &&
         std::equal(a.flips().begin(), a.flips().end(), b.flips().begin(), b.flips().end());
}

bool operator==(const Fate& a, const Fate& b) {
  return a.copies_count == b.copies_count && (!a.lost() || a.loss == b.loss) &&
         std::equal(a.copies().begin(), a.copies().end(), b.copies().begin(), b.copies().end());
}

bool Fate::is_plain() const {
  return copies_count == 1 && copy[0] == CopyFate{};
}

}  // namespace lossy
