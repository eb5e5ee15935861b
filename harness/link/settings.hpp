// What one direction of a path is asked to do, as far as it was said. Options, netem lines,
// profiles and the phases of a timeline all fill in this one form, and one may be laid over
// another.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <tuple>
#include <vector>

#include <lossy/harness/link/link.hpp>
#include <lossy/harness/link/random_fates.hpp>

namespace lossy {

struct LinkSettings {
  // Delay.
  std::optional<Duration> delay{};
  std::optional<Duration> jitter{};
  std::optional<Probability> jitter_correlation{};
  std::optional<std::shared_ptr<const DelayTable>> distribution{};  // None in it: uniform.
  std::optional<bool> keeps_order{};
  // Chance.
  std::optional<LossModel> loss{};
  std::optional<Chance> checksum{};
  std::optional<Chance> duplicate{};
  std::optional<Chance> reorder{};
  std::optional<Duration> reorder_delay{};
  std::optional<Early> early{};
  std::optional<Chance> corrupt{};
  std::optional<std::uint64_t> corrupt_bits{};
  std::optional<Chance> truncate{};
  // Rate and bounds.
  std::optional<RateLimit> rate{};
  std::optional<std::shared_ptr<const DeliveryTrace>> trace{};  // None in it: no trace.
  std::optional<Slots> slots{};
  std::optional<std::uint64_t> queue_datagrams{};
  std::optional<std::uint64_t> queue_bytes{};
  std::optional<std::uint64_t> in_flight{};  // netem's limit.
  std::optional<std::uint64_t> mtu_bytes{};
  // Of the whole direction, not of a phase.
  std::optional<std::vector<Outage>> outages{};
  std::optional<std::uint64_t> seed{};

  // By value, tables and traces included.
  friend bool operator==(const LinkSettings& a, const LinkSettings& b);
};

template <typename Value>
struct SettingField {
  const char* name;  // As options call it.
  std::optional<Value> LinkSettings::*field;
};
template <typename Value>  // clang 14 does not find it by itself.
SettingField(const char*, std::optional<Value> LinkSettings::*)->SettingField<Value>;

// Every setting, so that none is forgotten where all are treated alike.
inline constexpr std::tuple kSettingFields{
    SettingField{"delay", &LinkSettings::delay},
    SettingField{"jitter", &LinkSettings::jitter},
    SettingField{"jitter-correlation", &LinkSettings::jitter_correlation},
    SettingField{"distribution", &LinkSettings::distribution},
    SettingField{"jitter-keeps-order", &LinkSettings::keeps_order},
    SettingField{"loss", &LinkSettings::loss},
    SettingField{"checksum", &LinkSettings::checksum},
    SettingField{"duplicate", &LinkSettings::duplicate},
    SettingField{"reorder", &LinkSettings::reorder},
    SettingField{"reorder-delay", &LinkSettings::reorder_delay},
    SettingField{"early", &LinkSettings::early},
    SettingField{"corrupt", &LinkSettings::corrupt},
    SettingField{"corrupt-bits", &LinkSettings::corrupt_bits},
    SettingField{"truncate", &LinkSettings::truncate},
    SettingField{"rate", &LinkSettings::rate},
    SettingField{"trace", &LinkSettings::trace},
    SettingField{"slots", &LinkSettings::slots},
    SettingField{"queue", &LinkSettings::queue_datagrams},
    SettingField{"queue-bytes", &LinkSettings::queue_bytes},
    SettingField{"limit", &LinkSettings::in_flight},
    SettingField{"mtu", &LinkSettings::mtu_bytes},
    SettingField{"outage", &LinkSettings::outages},
    SettingField{"seed", &LinkSettings::seed}};

// Calls visit(name, field) for every setting.
template <typename Visit>
constexpr void for_each_setting(Visit&& visit) {
  std::apply([&](const auto&... one) { (visit(one.name, one.field), ...); }, kSettingFields);
}

// `base` with everything that `over` says in its place.
LinkSettings overlaid(const LinkSettings& base, const LinkSettings& over);

// What a link needs to do as the settings say; what they leave open is as the defaults of
// LinkOptions and Impairments. `header_bytes` is 28 for IPv4 and 48 for IPv6.
LinkOptions link_options(const LinkSettings& settings, std::size_t header_bytes);
Impairments impairments(const LinkSettings& settings);

}  // namespace lossy
