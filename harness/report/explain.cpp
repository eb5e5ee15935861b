#include "harness/report/explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/escape.hpp"
#include "harness/link/netem.hpp"
#include "harness/link/serialiser.hpp"
#include "harness/link/text.hpp"
#include "harness/report/netem_replica.hpp"
#include "harness/report/readable.hpp"

namespace lossy {
namespace {

using Sentences = std::vector<std::string>;

constexpr int kEthernetHeaderBytes = 14;
constexpr std::size_t kExamplePayloadBytes = 1000;
// Finding out what netem would do takes a moment. More phases than this are said without.
constexpr std::size_t kComparedPhasesMax = 50;

// "1.84%": three digits.
std::string percent(double share) {
  return fmt::format("{:.3g}%", 100 * share);
}

std::string milliseconds(double ms) {
  return fmt::format("{:.4g} ms", ms);
}

// Three digits and zeros: "10000", "83300".
std::string about(double number) {
  if (number < 1000) return fmt::format("{:.3g}", number);
  const double unit = std::pow(10, std::max(0.0, std::floor(std::log10(number)) - 2));
  return fmt::format("{:.0f}", std::round(number / unit) * unit);
}

// What a chain's share of time was computed to, without the last digits, which are rounding.
double rounded(double number) {
  return std::stod(fmt::format("{:.12g}", number));
}

std::string bits_a_second(double rate) {
  constexpr std::array kUnits{std::pair{1e9, "Gbit/s"}, std::pair{1e6, "Mbit/s"},
                              std::pair{1e3, "kbit/s"}};
  for (const auto& [size, name] : kUnits) {
    if (rate >= size) return fmt::format("{:.4g} {}", rate / size, name);
  }
  return fmt::format("{:.4g} bit/s", rate);
}

bool is_certain(Probability probability) {
  return probability.threshold() == Probability::kOne;
}

std::string resembling(Probability correlation) {
  if (correlation.is_zero()) return {};
  if (is_certain(correlation)) return ", the first decision standing for all";
  return fmt::format(", each decision with {} the one before once more",
                     format_probability(correlation));
}

std::string words_of(const RandomLoss& model) {
  if (model.chance.probability.is_zero()) return {};
  if (is_certain(model.chance.correlation) && !is_certain(model.chance.probability)) {
    return fmt::format(
        "loses every datagram or none, the first decision standing for all: every one with {}",
        format_probability(model.chance.probability));
  }
  return fmt::format("loses {} of the datagrams{}", format_probability(model.chance.probability),
                     resembling(model.chance.correlation));
}
std::string words_of(const GilbertElliott& model) {
  return fmt::format(
      "has good and bad times: before each datagram a good time ends with a chance of {}, a bad "
      "one "
      "of {}; loses {} in bad times and {} in good ones",
      format_probability(model.to_bad), format_probability(model.to_good),
      format_probability(model.loss_in_bad), format_probability(model.loss_in_good));
}
std::string words_of(const FourStateLoss& model) {
  return fmt::format(
      "loses by four states: from receiving into a burst of losses with {} and to a single loss "
      "with {}; in a burst, back to receiving with {}, to a pause with {}, and from there on with "
      "{}",
      format_probability(model.p13), format_probability(model.p14), format_probability(model.p31),
      format_probability(model.p32), format_probability(model.p23));
}
std::string words_of(const EveryNthLoss& model) {
  return model.n == 1 ? "loses every datagram" : fmt::format("loses one datagram in {}", model.n);
}

void add_losses(const LinkSettings& settings, Sentences& words) {
  if (settings.loss) {
    const std::string loss = std::visit([](const auto& m) { return words_of(m); }, *settings.loss);
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
                           percent(figures.cut_off));
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
    words.push_back(fmt::format("sends when the trace {} says, {} times in {}",
                                escape_controls(trace->name()), trace->opportunities(),
                                format_duration(trace->period())));
  } else if (settings.rate && settings.rate->bits_per_second > 0) {
    const RateLimit& rate = *settings.rate;
    const double ms = static_cast<double>(line_bytes(kExamplePayloadBytes + header_bytes, rate)) *
                      8 * 1000 / static_cast<double>(rate.bits_per_second);
    std::string text = fmt::format("sends {}, {} for a payload of {} bytes",
                                   bits_a_second(static_cast<double>(rate.bits_per_second)),
                                   milliseconds(ms), kExamplePayloadBytes);
    if (rate.packet_overhead_bytes != 0) {
      text += fmt::format(", and {} bytes more for each datagram", rate.packet_overhead_bytes);
    }
    if (rate.cell_bytes > 0) {
      text += fmt::format(", in cells of {} bytes with {} more each", rate.cell_bytes,
                          rate.cell_overhead_bytes);
    }
    words.push_back(text);
  }
  if (has_capacity(settings)) {
    std::string queue =
        fmt::format("keeps {} datagrams waiting for that",
                    settings.queue_datagrams.value_or(LinkOptions{}.queue_datagrams_max));
    if (settings.queue_bytes) queue += fmt::format(", and {} bytes", *settings.queue_bytes);
    words.push_back(queue + ", and loses what comes on top");
  }
  if (settings.slots && settings.slots->enabled) {
    std::string text = "lets them out in slots, " + mean_interval(*settings.slots);
    if (settings.slots->datagrams_max > 0) {
      text += fmt::format(", of at most {} datagrams", settings.slots->datagrams_max);
    }
    if (settings.slots->bytes_max > 0) {
      text += fmt::format(", of at most {} bytes", settings.slots->bytes_max);
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

Sentences own_words(const LinkSettings& settings) {
  Sentences words;
  const auto add = [&](const char* word, bool used) {
    if (used) words.emplace_back(word);
  };
  add("seed", settings.seed.has_value());
  add("loss every", settings.loss && std::holds_alternative<EveryNthLoss>(*settings.loss));
  add("flip", happens(settings.corrupt));
  add("truncate", happens(settings.truncate));
  add("hold", happens(settings.reorder));
  add("keep-order", settings.keeps_order.value_or(false));
  add("trace", settings.trace.value_or(nullptr) != nullptr);
  add("queue", settings.queue_datagrams.has_value());
  add("queue-bytes", settings.queue_bytes.has_value());
  add("mtu", settings.mtu_bytes.value_or(0) > 0);
  add("outage", settings.outages && !settings.outages->empty());
  return words;
}

// netem's correlation changes the rate.
void add_correlation(const std::string& word, const Chance& chance, Sentences& differs) {
  if (chance.correlation.is_zero() || chance.probability.is_zero() ||
      chance.probability.threshold() == Probability::kOne) {
    return;
  }
  const double rate = netem_rate(chance);
  differs.push_back(fmt::format("{} {} {}: netem's correlation would make it {}", word,
                                format_probability(chance.probability),
                                format_probability(chance.correlation),
                                rate == 0 ? "none at all" : "about " + percent(rate)));
}

void add_delay_correlation(const LinkSettings& settings, Sentences& differs) {
  const Probability correlation = settings.jitter_correlation.value_or(Probability{});
  const Duration jitter = settings.jitter.value_or(Duration::zero());
  if (correlation.is_zero() || jitter <= Duration::zero() || jitter > std::chrono::seconds(2)) {
    return;
  }
  const double lag_1 = netem_delay_correlation(settings);
  differs.push_back(fmt::format(
      "a delay's correlation of {} would be {} in netem, which takes its number modulo the {}",
      format_probability(correlation), std::abs(lag_1) < 0.005 ? "none" : percent(lag_1),
      settings.distribution.value_or(nullptr) ? "table's size" : "jitter's range"));
}

void add_order_of_decisions(const LinkSettings& settings, const PathFigures& figures,
                            Sentences& differs) {
  const bool every_nth = settings.loss && std::holds_alternative<EveryNthLoss>(*settings.loss);
  if (!happens(settings.duplicate) || every_nth || figures.loss.rate <= 0) return;
  const NetemRates rates = netem_rates(settings);
  differs.push_back(
      fmt::format("netem duplicates before it loses, and a loss takes one copy away: it would lose "
                  "about {} and "
                  "deliver {} of the rest twice, and not {} and {}",
                  percent(rates.loss), percent(rates.duplicated), percent(figures.loss.rate),
                  percent(figures.duplicated)));
}

// The tables of iproute2 have other means and deviations than their names say.
void add_distribution(const LinkSettings& settings, Sentences& differs) {
  struct Table {
    const char* name;
    double mean;  // In units of the jitter.
    double deviation;
  };
  constexpr std::array kTables{Table{"pareto", -0.033, 0.82}, Table{"paretonormal", -0.025, 0.83}};
  const auto table = settings.distribution.value_or(nullptr);
  const Duration jitter = settings.jitter.value_or(Duration::zero());
  if (!table || jitter <= Duration::zero()) return;
  for (const Table& theirs : kTables) {
    if (*table != *DelayTable::built_in(theirs.name)) continue;
    differs.push_back(fmt::format(
        "iproute2's {} would vary by {} of the jitter, {}, and lower the mean by {} of it, {}",
        theirs.name, percent(theirs.deviation), milliseconds(theirs.deviation * in_ms(jitter)),
        percent(-theirs.mean), milliseconds(-theirs.mean * in_ms(jitter))));
  }
}

// netem counts the Ethernet header, which some cells have room for, anyway.
void add_ethernet(const RateLimit& rate, std::size_t header_bytes, Sentences& differs) {
  RateLimit theirs = rate;
  if (__builtin_add_overflow(rate.packet_overhead_bytes, kEthernetHeaderBytes,
                             &theirs.packet_overhead_bytes)) {
    return;
  }
  const std::size_t ip_bytes = kExamplePayloadBytes + header_bytes;
  const auto ours_bytes = static_cast<double>(line_bytes(ip_bytes, rate));
  const auto theirs_bytes = static_cast<double>(line_bytes(ip_bytes, theirs));
  if (ours_bytes >= theirs_bytes) return;
  std::string words =
      fmt::format("rate {} {}", format_rate(theirs.bits_per_second), theirs.packet_overhead_bytes);
  if (theirs.cell_bytes > 0) {
    words += fmt::format(" {} {}", theirs.cell_bytes, theirs.cell_overhead_bytes);
  }
  differs.push_back(fmt::format(
      "netem counts the Ethernet header, too: its rate would be {} less for payloads of {} bytes "
      "('{}' counts it here)",
      percent(1 - ours_bytes / theirs_bytes), kExamplePayloadBytes, words));
}

void add_bounds(const LinkSettings& settings, const PathFigures& figures, std::size_t header_bytes,
                Sentences& differs) {
  constexpr double kNetemLimit = 1000;
  const bool rated = settings.rate && settings.rate->bits_per_second > 0;
  if (!settings.in_flight && figures.delay_mean_ms > 0) {
    differs.push_back(fmt::format(
        "netem keeps at most 1000 datagrams under way unless a limit says otherwise: from about "
        "{} a second on it would lose some",
        about(kNetemLimit * 1000 / figures.delay_mean_ms)));
  }
  if (!rated || settings.trace.value_or(nullptr)) return;
  add_ethernet(*settings.rate, header_bytes, differs);
  if (settings.jitter.value_or(Duration::zero()) > Duration::zero() &&
      !settings.keeps_order.value_or(false)) {
    differs.emplace_back("netem keeps the order when it has a rate, whatever the jitter");
  }
  if (settings.early && happens(settings.early->chance)) {
    differs.emplace_back(
        "what netem's reorder sends at once passes all that waits for its rate, and takes none of "
        "it; here it waits for the rate, too");
  }
}

Sentences differences(const LinkSettings& settings, const PathFigures& figures,
                      std::size_t header_bytes) {
  Sentences differs;
  if (settings.loss) {
    if (const auto* random = std::get_if<RandomLoss>(&*settings.loss)) {
      add_correlation("loss", random->chance, differs);
    }
  }
  if (settings.checksum) add_correlation("corrupt", *settings.checksum, differs);
  if (settings.duplicate) add_correlation("duplicate", *settings.duplicate, differs);
  if (settings.early) add_correlation("reorder", settings.early->chance, differs);
  add_distribution(settings, differs);
  add_delay_correlation(settings, differs);
  add_order_of_decisions(settings, figures, differs);
  if (happens(settings.checksum)) {
    differs.emplace_back(
        "netem's corrupt flips a bit that the receiver's checksum then sees: for a UDP application "
        "that is a loss, and is counted as one here (flip delivers it)");
  }
  add_bounds(settings, figures, header_bytes, differs);
  if (settings.slots && settings.slots->enabled) {
    differs.emplace_back(
        "netem starts a slot's interval when a datagram is sent, if it is longer than the delay; "
        "here it starts when one has travelled and no slot is to come");
  }
  return differs;
}

std::string mean_burst_text(double burst) {
  if (burst == 0) return "nothing is lost";
  return std::isinf(burst) ? "without end" : fmt::format("{:.4g}", burst);
}

std::string rate_text(const PathFigures& figures) {
  std::string text = figures.rate ? bits_a_second(*figures.rate) : "";
  if (figures.datagrams_a_second) {
    text += fmt::format("{}at most {:.4g} datagrams a second", text.empty() ? "" : ", ",
                        *figures.datagrams_a_second);
  }
  return text.empty() ? "no limit" : text;
}

std::string join(const Sentences& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

// `said` is where netem differs as far as that has been said of the same direction.
void add_phase(const PhaseExplanation& phase, Sentences& said, std::string& text) {
  const PathFigures& figures = phase.figures;
  const auto row = [&](const char* name, const std::string& value) {
    text += fmt::format("  {:<20} {}\n", name, value);
  };
  for (const std::string& sentence : phase.words) text += "  " + sentence + '\n';
  if (phase.words.empty()) text += "  delivers everything at once\n";
  row("average loss", percent(figures.loss.rate));
  row("mean run of losses", mean_burst_text(figures.loss.mean_burst()));
  row("mean delay", milliseconds(figures.delay_mean_ms) +
                        (phase.may_wait ? ", and more where one has to wait" : ""));
  row("mean rate", rate_text(figures));
  row("as a netem line", phase.netem.empty() ? "(nothing to say)" : escape_controls(phase.netem));
  if (!phase.own_words.empty()) {
    row("", fmt::format("({}: not tc's)", join(phase.own_words)));
  }
  for (const std::string& difference : phase.differs) {
    if (std::ranges::find(said, difference) != said.end()) continue;
    said.push_back(difference);
    text += "  differs from netem: " + difference + '\n';
  }
}

void add_way(const WayExplanation& way, std::string& text) {
  for (const Outage& outage : way.outages) {
    text += fmt::format("  lets nothing through from {} to {}\n",
                        format_duration(outage.start - Instant{}),
                        format_duration(outage.end - Instant{}));
  }
  Sentences said;
  for (const PhaseExplanation& phase : way.phases) {
    if (phase.start) text += " from " + format_duration(*phase.start) + " on\n";
    add_phase(phase, said, text);
  }
  if (!way.timeline.empty()) {
    text += fmt::format("  {:<20} {}\n", "as a timeline", escape_controls(way.timeline));
  }
}

bool alike(const WayExplanation& a, const WayExplanation& b) {
  const auto lines = [](const WayExplanation& way) {
    Sentences all{way.timeline};
    for (const PhaseExplanation& phase : way.phases) all.push_back(phase.netem);
    return all;
  };
  return lines(a) == lines(b);
}

nlohmann::ordered_json json_of(const PhaseExplanation& phase) {
  const PathFigures& figures = phase.figures;
  const double burst = figures.loss.mean_burst();
  nlohmann::ordered_json json;
  json["start_seconds"] = phase.start ? in_seconds(*phase.start) : 0.0;
  json["netem"] = phase.netem;
  json["own_words"] = phase.own_words;
  json["words"] = phase.words;
  json["loss"] = rounded(figures.loss.rate);
  json["mean_burst"] =
      std::isinf(burst) ? nlohmann::ordered_json() : nlohmann::ordered_json(rounded(burst));
  json["mean_delay_ms"] = rounded(figures.delay_mean_ms);
  json["mean_rate_bits_per_second"] =
      figures.rate ? nlohmann::ordered_json(*figures.rate) : nlohmann::ordered_json();
  json["datagrams_per_second_max"] = figures.datagrams_a_second
                                         ? nlohmann::ordered_json(*figures.datagrams_a_second)
                                         : nlohmann::ordered_json();
  json["netem_differs"] = phase.differs;
  return json;
}

PhaseExplanation without_comparison(const LinkSettings& settings, std::size_t header_bytes) {
  PhaseExplanation phase;
  phase.netem = format_netem(settings);
  phase.own_words = own_words(settings);
  phase.figures = path_figures(settings);
  phase.may_wait =
      has_capacity(settings) || (settings.slots && settings.slots->enabled) ||
      (settings.keeps_order.value_or(false) && settings.jitter.value_or(Duration()) > Duration());
  add_delay(settings, phase.figures, phase.words);
  add_losses(settings, phase.words);
  add_chances(settings, phase.words);
  add_capacity(settings, header_bytes, phase.words);
  return phase;
}

}  // namespace

PhaseExplanation explain(const LinkSettings& settings, std::size_t header_bytes) {
  PhaseExplanation phase = without_comparison(settings, header_bytes);
  phase.differs = differences(settings, phase.figures, header_bytes);
  return phase;
}

WayExplanation explain(Direction direction, const Timeline<LinkSettings>& settings,
                       std::size_t header_bytes) {
  WayExplanation way;
  way.direction = direction;
  const auto& phases = settings.phases();
  way.outages = phases.front().value.outages.value_or(std::vector<Outage>{});
  way.phases.push_back(explain(phases.front().value, header_bytes));
  std::vector<std::pair<Instant, LinkSettings>> later;
  for (std::size_t i = 1; i < phases.size(); ++i) {
    LinkSettings changed = phases[i].value;
    changed.outages.reset();  // Said once, for the whole time.
    changed.seed.reset();
    way.phases.push_back(i < kComparedPhasesMax ? explain(changed, header_bytes)
                                                : without_comparison(changed, header_bytes));
    way.phases.back().start = phases[i].start - Instant{};
    later.emplace_back(phases[i].start, changed);
  }
  if (!later.empty()) way.timeline = format_timeline(later);
  return way;
}

std::string explanation_text(const WayExplanation& uplink, const WayExplanation& downlink) {
  std::string text;
  if (alike(uplink, downlink)) {
    text = "uplink, client to server, and downlink, server to client, alike\n";
    add_way(uplink, text);
    return text;
  }
  text = "uplink, client to server\n";
  add_way(uplink, text);
  text += "\ndownlink, server to client\n";
  add_way(downlink, text);
  return text;
}

nlohmann::ordered_json explanation_json(const WayExplanation& uplink,
                                        const WayExplanation& downlink) {
  nlohmann::ordered_json json;
  for (const WayExplanation* way : {&uplink, &downlink}) {
    nlohmann::ordered_json each;
    each["outages"] = nlohmann::ordered_json::array();
    for (const Outage& outage : way->outages) {
      each["outages"].push_back({{"start_seconds", in_seconds(outage.start - Instant{})},
                                 {"end_seconds", in_seconds(outage.end - Instant{})}});
    }
    each["timeline"] = way->timeline;
    each["phases"] = nlohmann::ordered_json::array();
    for (const PhaseExplanation& phase : way->phases) each["phases"].push_back(json_of(phase));
    json[std::string(to_string(way->direction))] = each;
  }
  return json;
}

}  // namespace lossy
