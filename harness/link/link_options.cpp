#include <lossy/harness/link/link_options.hpp>

#include <tuple>

#include <lossy/core/check.hpp>
#include <lossy/harness/link/text.hpp>

namespace lossy {
namespace {

bool in_range(Duration duration) {
  return duration >= Duration::zero() && duration <= kDurationMax;
}

void check_options(const LinkOptions& options) {
  check(in_range(options.delay), "LinkOptions: delay outside its range");
  check(options.rate.bits_per_second <= kRateMax, "LinkOptions: rate outside its range");
  check(options.header_bytes <= 1000, "LinkOptions: header size outside its range");
  const Slots& slots = options.slots;
  check(in_range(slots.interval_min) && in_range(slots.interval_max) &&
            slots.interval_min <= slots.interval_max,
        "Slots: intervals outside their range");
  check(in_range(slots.table_delay) && in_range(slots.table_jitter),
        "Slots: delay or jitter outside its range");
}

}  // namespace

bool operator==(const Slots& a, const Slots& b) {
  const auto fields = [](const Slots& s) {
    return std::tuple(s.enabled, s.interval_min, s.interval_max, s.table_delay, s.table_jitter,
                      s.datagrams_max, s.bytes_max, s.table != nullptr);
  };
  return fields(a) == fields(b) && (!a.table || *a.table == *b.table);
}

void check_plan(const LinkPlan& plan) {
  for (const auto& phase : plan.options.phases()) check_options(phase.value);
  Instant free_from = Instant::min();
  for (const Outage& outage : plan.outages) {
    check(outage.start >= free_from && outage.start < outage.end,
          "LinkPlan: outages that are empty, overlap or are out of order");
    free_from = outage.end;
  }
}

}  // namespace lossy
