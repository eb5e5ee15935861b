#include <lossy/harness/cli/plan_options.hpp>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <optional>
#include <utility>

#include <lossy/harness/cli/option.hpp>
#include <lossy/harness/sim/setting_text.hpp>

namespace lossy {
namespace {

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

}  // namespace

void PlanOptions::add_to(CLI::App& app, const Protocol& protocol,
                         std::initializer_list<std::string_view> left_out) {
  protocol_ = &protocol;
  app_ = &app;
  for (const CallKind& kind : protocol.call_kinds) call_options_.push_back(add_calls(kind));
  for (const Setting& setting : protocol.settings) {
    settings_[setting.name] = setting.initial;
    if (std::ranges::find(left_out, setting.name) == left_out.end()) add_setting(setting);
  }
}

CLI::Option* PlanOptions::add_calls(const CallKind& kind) {
  std::vector<std::string>& arguments = arguments_.emplace_back();
  if (kind.is_positional) {
    return app_->add_option(lower(kind.argument), arguments, kind.sentence)
        ->type_name(kind.argument);
  }
  return app_->add_option("--" + kind.name, arguments, kind.sentence)
      ->type_name(kind.argument)
      ->group(protocol_->title)
      ->allow_extra_args(false);
}

void PlanOptions::add_setting(const Setting& setting) {
  const std::string name = "--" + setting.name;
  if (setting.kind == Setting::Kind::kFlag) {
    flags_.emplace_back(setting.name, false);
    app_->add_flag(name, flags_.back().second, setting.sentence)->group(protocol_->title);
    return;
  }
  std::optional<std::int64_t>& value = settings_[setting.name];
  const bool is_time = setting.kind == Setting::Kind::kTime;
  const auto parse = [setting](std::string_view text) { return parse_setting(setting, text); };
  add_parsed(*app_, name, value, parse, setting.sentence, is_time ? "TIME" : "N")
      ->group(protocol_->title);
}

std::vector<Call> PlanOptions::calls_in_order() const {
  std::vector<Call> calls;
  std::vector<std::size_t> taken(call_options_.size());
  const auto take = [&](std::size_t kind) {
    const auto& arguments = arguments_[kind];
    if (taken[kind] < arguments.size()) calls.push_back({kind, arguments[taken[kind]++]});
  };
  for (const CLI::Option* option : app_->parse_order()) {
    const auto found = std::ranges::find(call_options_, option);
    if (found != call_options_.end()) {
      take(static_cast<std::size_t>(found - call_options_.begin()));
    }
  }
  for (std::size_t kind = 0; kind < call_options_.size(); ++kind) {
    while (taken[kind] < arguments_[kind].size()) take(kind);
  }
  return calls;
}

void PlanOptions::resolve() {
  for (const auto& [name, value] : settings_) {
    if (value) plan_.settings[name] = *value;
  }
  for (const auto& [name, is_given] : flags_) plan_.settings[name] = is_given ? 1 : 0;
  plan_.calls = calls_in_order();
  resolve(std::move(plan_));
}

void PlanOptions::resolve(RunPlan plan) {
  plan_ = std::move(plan);
  app_ = nullptr;
  call_options_.clear();
  try {
    hosts_ = protocol_->hosts(plan_);
  } catch (const PlanError& error) {
    throw usage_error(error.option(), error.what());
  }
}

}  // namespace lossy
