// What one direction of a path is asked to do, as far as it was said. Options, netem lines,
// profiles and the phases of a timeline all fill in this one form, and one may be laid over
// another.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "harness/link/link.hpp"
#include "harness/link/random_fates.hpp"

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

// `base` with everything that `over` says in its place.
LinkSettings overlaid(const LinkSettings& base, const LinkSettings& over);

// What a link needs to do as the settings say; what they leave open is as the defaults of
// LinkOptions and Impairments. `header_bytes` is 28 for IPv4 and 48 for IPv6.
LinkOptions link_options(const LinkSettings& settings, std::size_t header_bytes);
Impairments impairments(const LinkSettings& settings);

}  // namespace lossy
