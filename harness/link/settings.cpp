#include <lossy/harness/link/settings.hpp>

#include <algorithm>
#include <limits>

namespace lossy {
namespace {

template <typename Value>
bool same(const Value& a, const Value& b) {
  return a == b;
}
template <typename Value>
bool same(const std::shared_ptr<const Value>& a, const std::shared_ptr<const Value>& b) {
  return a == b || (a && b && *a == *b);
}

// What an address space of 32 bits cannot hold is no bound there.
std::size_t size_or(std::optional<std::uint64_t> size, std::size_t otherwise) {
  constexpr std::uint64_t kMax = std::numeric_limits<std::size_t>::max();
  return size ? static_cast<std::size_t>(std::min(*size, kMax)) : otherwise;
}

}  // namespace

bool operator==(const LinkSettings& a, const LinkSettings& b) {
  bool equal = true;
  for_each_setting([&](const char*, auto field) {
    const auto& of_a = a.*field;
    const auto& of_b = b.*field;
    equal = equal && of_a.has_value() == of_b.has_value() && (!of_a || same(*of_a, *of_b));
  });
  return equal;
}

LinkSettings overlaid(const LinkSettings& base, const LinkSettings& over) {
  LinkSettings result = base;
  for_each_setting([&](const char*, auto field) {
    if (over.*field) result.*field = over.*field;
  });
  return result;
}

LinkOptions link_options(const LinkSettings& settings, std::size_t header_bytes) {
  const LinkOptions defaults;
  return {.delay = settings.delay.value_or(defaults.delay),
          .keeps_order = settings.keeps_order.value_or(defaults.keeps_order),
          .rate = settings.rate.value_or(defaults.rate),
          .trace = settings.trace.value_or(nullptr),
          .queue_datagrams_max = size_or(settings.queue_datagrams, defaults.queue_datagrams_max),
          .queue_bytes_max = size_or(settings.queue_bytes, defaults.queue_bytes_max),
          .slots = settings.slots.value_or(defaults.slots),
          .mtu_bytes = size_or(settings.mtu_bytes, defaults.mtu_bytes),
          .header_bytes = header_bytes,
          .in_flight_max = size_or(settings.in_flight, defaults.in_flight_max),
          .in_flight_bytes_max = defaults.in_flight_bytes_max};
}

Impairments impairments(const LinkSettings& settings) {
  const Impairments defaults;
  return {
      .loss = settings.loss.value_or(defaults.loss),
      .checksum = settings.checksum.value_or(defaults.checksum),
      .duplicate = settings.duplicate.value_or(defaults.duplicate),
      .reorder = settings.reorder.value_or(defaults.reorder),
      .reorder_delay = settings.reorder_delay.value_or(defaults.reorder_delay),
      .early = settings.early.value_or(defaults.early),
      .delay = settings.delay.value_or(defaults.delay),
      .corrupt = settings.corrupt.value_or(defaults.corrupt),
      .corrupt_bits = static_cast<unsigned>(settings.corrupt_bits.value_or(defaults.corrupt_bits)),
      .truncate = settings.truncate.value_or(defaults.truncate),
      .jitter = settings.jitter.value_or(defaults.jitter),
      .jitter_correlation = settings.jitter_correlation.value_or(defaults.jitter_correlation),
      .distribution = settings.distribution.value_or(nullptr)};
}

}  // namespace lossy
