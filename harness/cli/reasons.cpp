#include <lossy/harness/cli/reasons.hpp>

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <numeric>

namespace lossy {

std::uint64_t total(const Reasons& reasons) {
  return std::accumulate(reasons.begin(), reasons.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const auto& reason) { return sum + reason.second; });
}

std::string list_of(const Reasons& reasons) {
  std::string list;
  for (const auto& [reason, count] : reasons) {
    if (count > 0) list += fmt::format("{}{} {}", list.empty() ? "" : ", ", reason, count);
  }
  return list;
}

std::string text_of(std::string_view what, const Reasons& reasons) {
  const std::string list = list_of(reasons);
  return fmt::format("{} {}{}", what, total(reasons), list.empty() ? "" : " (" + list + ')');
}

nlohmann::ordered_json reasons_json(const Reasons& reasons) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const auto& [reason, count] : reasons) json[reason] = count;
  return json;
}

}  // namespace lossy
