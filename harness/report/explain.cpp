#include <lossy/harness/report/explain.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include <lossy/core/escape.hpp>
#include <lossy/harness/link/netem.hpp>
#include <lossy/harness/link/text.hpp>
#include <lossy/harness/report/figure_text.hpp>
#include <lossy/harness/report/link_words.hpp>
#include <lossy/harness/report/netem_differences.hpp>
#include <lossy/harness/report/readable.hpp>

namespace lossy {
namespace {

using Sentences = std::vector<std::string>;

// Finding out what netem would do takes a moment. More phases than this are said without.
constexpr std::size_t kComparedPhasesMax = 50;

// What a chain's share of time was computed to, without the last digits, which are rounding.
double rounded(double number) {
  return std::stod(fmt::format("{:.12g}", number));
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

std::string mean_burst_text(double burst) {
  if (burst == 0) return "nothing is lost";
  return std::isinf(burst) ? "without end" : plain_digits(burst, 4);
}

std::string rate_text(const PathFigures& figures) {
  std::string text = figures.rate ? bit_rate_text(*figures.rate) : "";
  if (figures.datagrams_a_second) {
    text += fmt::format("{}at most {} datagrams a second", text.empty() ? "" : ", ",
                        plain_digits(*figures.datagrams_a_second, 4));
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
  row("average loss", percent_text(figures.loss.rate));
  row("mean run of losses", mean_burst_text(figures.loss.mean_burst()));
  row("mean delay", readable(figures.delay_mean_ms / 1000) +
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
  phase.words = words_of(settings, phase.figures, header_bytes);
  return phase;
}

}  // namespace

PhaseExplanation explain(const LinkSettings& settings, std::size_t header_bytes) {
  PhaseExplanation phase = without_comparison(settings, header_bytes);
  phase.differs = netem_differences(settings, phase.figures, header_bytes);
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
