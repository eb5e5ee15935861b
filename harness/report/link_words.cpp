#include <lossy/harness/report/link_words.hpp>

#include <fmt/format.h>

#include <algorithm>

#include <lossy/core/counted.hpp>
#include <lossy/core/escape.hpp>
#include <lossy/harness/link/serialiser.hpp>
#include <lossy/harness/link/text.hpp>
#include <lossy/harness/report/figure_text.hpp>
#include <lossy/harness/report/readable.hpp>

namespace lossy {
namespace {

using Sentences = std::vector<std::string>;

bool is_certain(Probability probability) {
  return probability.threshold() == Probability::kOne;
}

// As it was written, or three digits of what was computed from something else: the netem line has
// them all.
std::string chance_text(Probability chance) {
  std::string exact = format_probability(chance);
  return exact.size() <= std::string_view("12.3456%").size() ? exact
                                                             : percent_text(as_double(chance));
}

std::string resembling(Probability correlation) {
  if (correlation.is_zero()) return {};
  if (is_certain(correlation)) return ", the first decision standing for all";
  return fmt::format(", each decision with {} the one before once more",
                     format_probability(correlation));
}

std::string loss_words(const RandomLoss& model) {
  if (model.chance.probability.is_zero()) return {};
  if (is_certain(model.chance.correlation) && !is_certain(model.chance.probability)) {
    return fmt::format(
        "loses every datagram or none, the first decision standing for all: every one with {}",
        format_probability(model.chance.probability));
  }
  return fmt::format("loses {} of the datagrams{}", format_probability(model.chance.probability),
                     resembling(model.chance.correlation));
}
std::string loss_words(const GilbertElliott& model) {
  return fmt::format(
      "has good and bad times: before each datagram a good time ends with a chance of {}, a bad "
      "one of {}; loses {} in bad times and {} in good ones",
      chance_text(model.to_bad), chance_text(model.to_good), chance_text(model.loss_in_bad),
      chance_text(model.loss_in_good));
}
std::string loss_words(const FourStateLoss& model) {
  return fmt::format(
      "loses by four states: from receiving into a burst of losses with {} and to a single loss "
      "with {}; in a burst, back to receiving with {}, to a pause with {}, and from there on with "
      "{}",
      chance_text(model.p13), chance_text(model.p14), chance_text(model.p31),
      chance_text(model.p32), chance_text(model.p23));
}
std::string loss_words(const EveryNthLoss& model) {
  return model.n == 1 ? "loses every datagram" : fmt::format("loses one datagram in {}", model.n);
}

void add_losses(const LinkSettings& settings, Sentences& words) {
  if (settings.loss) {
    const std::string loss =
        std::visit([](const auto& m) { return loss_words(m); }, *settings.loss);
    if (!loss.empty()) words.push_back(loss);
  }
  if (happens(settings.checksum)) {
    words.push_back(fmt::format(
        "damages {} of them so that the receiver's checksum sees it, and they are lost{}",
        format_probability(settings.checksum->probability),
        resembling(settings.checksum->correlation)));
  }
}

void add_chances(const LinkSettings& settings, Sentences& words) {
  const auto add = [&](const std::optional<Chance>& chance, const std::string& what) {
    if (!happens(chance)) return;
    words.push_back(fmt::format(fmt::runtime(what), format_probability(chance->probability)) +
                    resembling(chance->correlation));
  };
  add(settings.duplicate, "delivers {} of the rest twice");
  const Duration hold = settings.reorder_delay.value_or(Impairments{}.reorder_delay);
  add(settings.reorder,
      "holds {} back by " + format_duration(hold) + ", so that later ones pass them");
  if (settings.early && happens(settings.early->chance)) {
    add(settings.early->chance,
        "sends {} at once, without the delay" +
            (settings.early->gap > 1 ? fmt::format(", but only after {} in a row that were not",
                                                   settings.early->gap - 1)
                                     : std::string()));
  }
  const std::uint64_t bits = settings.corrupt_bits.value_or(1);
  add(settings.corrupt, "flips " + (bits == 1 ? "a bit" : std::to_string(bits) + " bits") +
                            " in {} of the payloads, as though the checksum had missed it");
  add(settings.truncate, "cuts {} of the payloads short");
}

void add_delay(const LinkSettings& settings, const PathFigures& figures, Sentences& words) {
  const Duration jitter = settings.jitter.value_or(Duration::zero());
  std::string delay = "delays by " + format_duration(settings.delay.value_or(Duration::zero()));
  if (jitter > Duration::zero()) {
    const auto table = settings.distribution.value_or(nullptr);
    delay += table ? fmt::format(", varying by {} ({})", format_duration(jitter),
                                 escape_controls(table->name()))
                   : ", up to " + format_duration(jitter) + " more or less";
    const Probability correlation = settings.jitter_correlation.value_or(Probability{});
    if (!correlation.is_zero()) {
      delay += fmt::format(", with a chance of {} by as much as the one before",
                           format_probability(correlation));
    }
    if (figures.cut_off > 0) {
      delay += fmt::format("; {} would arrive before they were sent, and go at once",
                           percent_text(figures.cut_off));
    }
    if (settings.keeps_order.value_or(false)) {
      delay += "; jitter never changes the order, so that what is close behind waits";
    }
  }
  if (settings.delay || jitter > Duration::zero()) words.push_back(delay);
}

std::string mean_interval(const Slots& slots) {
  if (slots.table || slots.table_delay > Duration::zero()) {
    return fmt::format("{} apart, varying by {} ({})", format_duration(slots.table_delay),
                       format_duration(slots.table_jitter),
                       slots.table ? escape_controls(slots.table->name()) : "uniform");
  }
  return slots.interval_min == slots.interval_max
             ? format_duration(slots.interval_min) + " apart"
             : format_duration(slots.interval_min) + " to " + format_duration(slots.interval_max) +
                   " apart";
}

void add_capacity(const LinkSettings& settings, std::size_t header_bytes, Sentences& words) {
  const auto trace = settings.trace.value_or(nullptr);
  if (trace) {
    words.push_back(
        fmt::format("sends when the trace {} says, {} in {}", escape_controls(trace->name()),
                    counted(trace->opportunities(), "time"), format_duration(trace->period())));
  } else if (settings.rate && settings.rate->bits_per_second > 0) {
    const RateLimit& rate = *settings.rate;
    const double ms = static_cast<double>(line_bytes(kExamplePayloadBytes + header_bytes, rate)) *
                      8 * 1000 / static_cast<double>(rate.bits_per_second);
    std::string text = fmt::format("sends {}, {} for a payload of {} bytes",
                                   bit_rate_text(static_cast<double>(rate.bits_per_second)),
                                   readable(ms / 1000), kExamplePayloadBytes);
    if (rate.packet_overhead_bytes != 0) {
      const bool one = rate.packet_overhead_bytes == 1 || rate.packet_overhead_bytes == -1;
      text += fmt::format(", and {} {} more for each datagram", rate.packet_overhead_bytes,
                          one ? "byte" : "bytes");
    }
    if (rate.cell_bytes > 0) {
      text += fmt::format(", in cells of {} with {} more each", counted(rate.cell_bytes, "byte"),
                          rate.cell_overhead_bytes);
    }
    words.push_back(text);
  }
  if (has_capacity(settings)) {
    std::string queue = fmt::format(
        "keeps {} waiting for that",
        counted(settings.queue_datagrams.value_or(LinkOptions{}.queue_datagrams_max), "datagram"));
    if (settings.queue_bytes) queue += ", and " + counted(*settings.queue_bytes, "byte");
    words.push_back(queue + ", and loses what comes on top");
  }
  if (settings.slots && settings.slots->enabled) {
    std::string text = "lets them out in slots, " + mean_interval(*settings.slots);
    if (settings.slots->datagrams_max > 0) {
      text += ", of at most " + counted(settings.slots->datagrams_max, "datagram");
    }
    if (settings.slots->bytes_max > 0) {
      text += ", of at most " + counted(settings.slots->bytes_max, "byte");
    }
    words.push_back(text);
  }
  if (settings.in_flight) {
    words.push_back(*settings.in_flight == 0
                        ? "keeps no datagram under way, and so loses all"
                        : fmt::format("keeps at most {} under way, and loses what comes on top",
                                      *settings.in_flight));
  }
  if (settings.mtu_bytes.value_or(0) > 0) {
    words.push_back(fmt::format(
        "loses IP packets above {} bytes, payloads above {}", *settings.mtu_bytes,
        *settings.mtu_bytes - std::min<std::uint64_t>(*settings.mtu_bytes, header_bytes)));
  }
}

}  // namespace

std::vector<std::string> words_of(const LinkSettings& settings, const PathFigures& figures,
                                  std::size_t header_bytes) {
  Sentences words;
  add_delay(settings, figures, words);
  add_losses(settings, words);
  add_chances(settings, words);
  add_capacity(settings, header_bytes, words);
  return words;
}

}  // namespace lossy
