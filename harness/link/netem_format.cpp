#include <algorithm>
#include <optional>
#include <string>
#include <type_traits>
#include <variant>

#include <lossy/harness/link/netem.hpp>
#include <lossy/harness/link/netem_units.hpp>

namespace lossy {
namespace {

// Words with a space between them.
class Line {
 public:
  Line& operator<<(std::string_view word) {
    if (!text_.empty()) text_ += ' ';
    text_ += word;
    return *this;
  }
  Line& operator<<(Probability probability) { return *this << format_probability(probability); }
  template <typename Integer>
  requires std::is_integral_v<Integer> Line& operator<<(Integer number) {
    return *this << std::to_string(number);
  }

  std::string text() && { return std::move(text_); }

 private:
  std::string text_;
};

// What stands behind a value is left out where it has no effect.
void correlation_to(Line& line, Probability correlation) {
  if (!correlation.is_zero()) line << correlation;
}

void chance_to(Line& line, std::string_view word, const Chance& chance) {
  line << word << chance.probability;
  correlation_to(line, chance.correlation);
}

void chance_to(Line& line, std::string_view word, const std::optional<Chance>& chance) {
  if (chance) chance_to(line, word, *chance);
}

void delay_to(Line& line, const LinkSettings& settings) {
  if (!settings.delay && !settings.jitter && !settings.jitter_correlation &&
      !settings.distribution) {
    return;
  }
  const Duration delay = settings.delay.value_or(Duration::zero());
  const Duration jitter = settings.jitter.value_or(Duration::zero());
  const Probability correlation = settings.jitter_correlation.value_or(Probability{});
  line << "delay" << format_tc_time(delay);
  if (jitter > Duration::zero() || !correlation.is_zero()) line << format_tc_time(jitter);
  correlation_to(line, correlation);
  const auto distribution = settings.distribution.value_or(nullptr);
  if (distribution && delay > Duration::zero() && jitter > Duration::zero()) {
    line << "distribution" << distribution->name();
  }
}

void loss_to(Line& line, const LossModel& loss) {
  line << "loss";
  if (const auto* random = std::get_if<RandomLoss>(&loss)) {
    line << random->chance.probability;
    correlation_to(line, random->chance.correlation);
  } else if (const auto* elliott = std::get_if<GilbertElliott>(&loss)) {
    line << "gemodel" << elliott->to_bad << elliott->to_good << elliott->loss_in_bad
         << elliott->loss_in_good;
  } else if (const auto* state = std::get_if<FourStateLoss>(&loss)) {
    line << "state" << state->p13 << state->p31 << state->p32 << state->p23 << state->p14;
  } else {
    line << "every" << std::get<EveryNthLoss>(loss).n;
  }
}

void early_to(Line& line, const LinkSettings& settings) {
  if (!settings.early) return;
  const Early& early = *settings.early;
  const bool happens = !early.chance.probability.is_zero();
  if (happens && settings.delay.value_or(Duration::zero()) == Duration::zero()) return;
  chance_to(line, "reorder", early.chance);
  if (happens && early.gap > 1) line << "gap" << early.gap;
}

void rate_to(Line& line, const LinkSettings& settings) {
  if (settings.trace && *settings.trace) {
    line << "trace" << (*settings.trace)->name();
    return;
  }
  if (!settings.rate && !settings.trace) return;
  const RateLimit rate = settings.rate.value_or(RateLimit{});
  line << "rate" << format_tc_rate(rate.bits_per_second);
  const RateLimit without{.bits_per_second = rate.bits_per_second};
  if (rate == without) return;
  line << rate.packet_overhead_bytes << rate.cell_bytes << rate.cell_overhead_bytes;
}

void slots_to(Line& line, const Slots& slots) {
  line << "slot";
  if (!slots.enabled) {
    line << "0s";
    return;
  }
  if (slots.table) {
    line << "distribution" << slots.table->name() << format_tc_slot_time(slots.table_delay)
         << format_tc_slot_time(slots.table_jitter);
  } else {
    line << format_tc_slot_time(slots.interval_min) << format_tc_slot_time(slots.interval_max);
  }
  if (slots.datagrams_max > 0) line << "packets" << slots.datagrams_max;
  if (slots.bytes_max > 0) line << "bytes" << slots.bytes_max;
}

void flip_to(Line& line, const LinkSettings& settings) {
  if (!settings.corrupt && !settings.corrupt_bits) return;
  chance_to(line, "flip", settings.corrupt.value_or(Chance{}));
  const std::uint64_t bits = settings.corrupt_bits.value_or(1);
  if (bits > 1) line << "bits" << bits;
}

void hold_to(Line& line, const LinkSettings& settings) {
  if (!settings.reorder && !settings.reorder_delay) return;
  const Chance held = settings.reorder.value_or(Chance{});
  line << "hold" << held.probability
       << format_tc_time(settings.reorder_delay.value_or(Impairments{}.reorder_delay));
  correlation_to(line, held.correlation);
}

void number_to(Line& line, std::string_view word, const std::optional<std::uint64_t>& number) {
  if (number) line << word << *number;
}

}  // namespace

std::string format_outage(const Outage& outage) {
  return format_duration(outage.start - Instant{}) + ".." + format_duration(outage.end - Instant{});
}

std::string format_netem(const LinkSettings& settings) {
  Line line;
  delay_to(line, settings);
  if (settings.loss) loss_to(line, *settings.loss);
  chance_to(line, "corrupt", settings.checksum);
  chance_to(line, "duplicate", settings.duplicate);
  early_to(line, settings);
  rate_to(line, settings);
  if (settings.slots) slots_to(line, *settings.slots);
  number_to(line, "limit", settings.in_flight);
  flip_to(line, settings);
  chance_to(line, "truncate", settings.truncate);
  hold_to(line, settings);
  if (settings.keeps_order) {
    line << "keep-order";
    if (!*settings.keeps_order) line << "off";
  }
  number_to(line, "queue", settings.queue_datagrams);
  number_to(line, "queue-bytes", settings.queue_bytes);
  number_to(line, "mtu", settings.mtu_bytes);
  if (settings.outages) {
    for (const Outage& outage : *settings.outages) line << "outage" << format_outage(outage);
  }
  number_to(line, "seed", settings.seed);
  return std::move(line).text();
}

std::string format_timeline(const std::vector<std::pair<Instant, LinkSettings>>& phases) {
  std::string text;
  for (const auto& [start, settings] : phases) {
    if (!text.empty()) text += "; ";
    text += format_duration(start - Instant{}) + ':';
    if (const std::string line = format_netem(settings); !line.empty()) text += ' ' + line;
  }
  return text;
}

}  // namespace lossy
