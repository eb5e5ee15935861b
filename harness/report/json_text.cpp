#include <lossy/harness/report/json_text.hpp>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>

namespace lossy {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kExactMax = (std::int64_t{1} << 53) - 1;

bool is_exact(const Json& number) {
  if (number.is_number_unsigned()) return number.get<std::uint64_t>() <= kExactMax;
  const auto value = number.get<std::int64_t>();
  return value >= -kExactMax && value <= kExactMax;
}

void make_exact(Json& json) {
  if (json.is_structured()) {
    for (Json& part : json) make_exact(part);
  } else if (json.is_number_integer() && !is_exact(json)) {
    json = json.dump();
  }
}

std::string text_of(Json json, bool ascii) {
  make_exact(json);
  return json.dump(-1, ' ', ascii, Json::error_handler_t::replace);
}

}  // namespace

std::string json_text(Json json) {
  return text_of(std::move(json), false);
}

std::string json_ascii_text(Json json) {
  return text_of(std::move(json), true);
}

}  // namespace lossy
