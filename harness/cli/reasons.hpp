// Counters by the word for their reason, as summaries and JSON show them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lossy {

using Reasons = std::vector<std::pair<std::string, std::uint64_t>>;

// Those of an enumeration that has to_string(), from `first` on.
template <typename Reason, std::size_t kCount>
Reasons reasons_of(const std::array<std::uint64_t, kCount>& counters, Reason first) {
  Reasons reasons;
  for (auto i = static_cast<std::size_t>(first); i < kCount; ++i) {
    reasons.emplace_back(to_string(static_cast<Reason>(i)), counters[i]);
  }
  return reasons;
}

std::uint64_t total(const Reasons& reasons);

// "empty 1, too_long 2": what did not happen is left out.
std::string list_of(const Reasons& reasons);

// "refused 3 (empty 1, too_long 2)"
std::string text_of(std::string_view what, const Reasons& reasons);

// {"empty": 1, "too_long": 2, "not_utf8": 0}
nlohmann::ordered_json reasons_json(const Reasons& reasons);

}  // namespace lossy
