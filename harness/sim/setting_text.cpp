#include <lossy/harness/sim/setting_text.hpp>

namespace lossy {
namespace {

std::int64_t parse_time(const Setting& setting, std::string_view text) {
  const std::int64_t time = parse_duration(text).count();
  if (time >= setting.least && time <= setting.most) return time;
  throw TextError(
      "it must be " +
      (setting.least == 1 ? "above 0" : "at least " + format_duration(Duration(setting.least))) +
      " and at most " + format_duration(Duration(setting.most)));
}

}  // namespace

std::int64_t parse_setting(const Setting& setting, std::string_view text) {
  switch (setting.kind) {
    case Setting::Kind::kTime:
      return parse_time(setting, text);
    case Setting::Kind::kFlag:
      if (text == "on" || text == "off") return text == "on" ? 1 : 0;
      throw TextError(quote(text) + " is neither on nor off");
    case Setting::Kind::kWhole:
      break;
  }
  return static_cast<std::int64_t>(parse_whole(text, static_cast<std::uint64_t>(setting.least),
                                               static_cast<std::uint64_t>(setting.most)));
}

std::string format_setting(const Setting& setting, std::int64_t value) {
  if (setting.kind == Setting::Kind::kTime) return format_duration(Duration(value));
  if (setting.kind == Setting::Kind::kFlag) return value != 0 ? "on" : "off";
  return std::to_string(value);
}

}  // namespace lossy
