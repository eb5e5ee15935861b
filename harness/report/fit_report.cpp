#include <lossy/harness/report/fit_report.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>

#include <lossy/core/counted.hpp>
#include <lossy/core/escape.hpp>
#include <lossy/harness/link/text.hpp>
#include <lossy/harness/report/figure_text.hpp>
#include <lossy/harness/report/readable.hpp>

namespace lossy {
namespace {

using Json = nlohmann::ordered_json;

// How many decimals show two digits of an error.
int decimals_of(double error) {
  int decimals = 0;
  for (double shown = error; shown < 9.95 && decimals < 12; shown *= 10) ++decimals;
  return decimals;
}

std::string with_error(double value, double error, std::string_view unit) {
  if (error <= 0) return plain_digits(value, 6) + std::string(unit);
  const int decimals = decimals_of(error);
  return fmt::format("{:.{}f}{} ± {:.{}f}{}", value, decimals, unit, error, decimals, unit);
}

// In the unit that suits the value.
std::string time_text(const Estimate& ns) {
  struct Unit {
    double size;
    std::string_view name;
  };
  for (const auto& [size, name] : {Unit{1e9, " s"}, Unit{1e6, " ms"}, Unit{1e3, " us"}}) {
    if (ns.value >= size) return with_error(ns.value / size, ns.error / size, name);
  }
  return with_error(ns.value, ns.error, " ns");
}

void add_line(std::string& text, std::string_view name, const std::string& what) {
  text += fmt::format("    {:<13} {}\n", name, what);
}

// Nothing of so many: at most 3 / n (the 95% bound).
std::string none_of(std::uint64_t n) {
  return fmt::format("none in {}: at most {}", n,
                     percent_text(std::min(1.0, 3 / static_cast<double>(n))));
}

std::string chain_text(const LossFit& loss) {
  std::string text = fmt::format("p {}, r {}", share_text(loss.to_bad), share_text(loss.to_good));
  if (loss.kind == LossKind::kGilbert) return text;
  text += fmt::format(", loss in bad {}", share_text(loss.loss_in_bad));
  if (loss.kind == LossKind::kGilbertElliott) return text + ", in good none";
  return text + fmt::format(", in good {}", share_text(loss.loss_in_good));
}

void add_loss(std::string& text, const LossFit& loss) {
  const OutcomeCounts& counts = loss.counts;
  if (counts.lost == 0) return add_line(text, "loss", none_of(counts.known));
  const std::string count = fmt::format("{} of {}", counts.lost, counts.known);
  if (loss.kind == LossKind::kEveryNth) {
    return add_line(text, "loss", fmt::format("exactly one in {}, {}", loss.every, count));
  }
  add_line(text, "loss", fmt::format("{}, {}", share_text(loss.rate), count));
  switch (loss.kind) {
    case LossKind::kGilbert:
      return add_line(text, "  in runs", "Gilbert: " + chain_text(loss));
    case LossKind::kGilbertElliott:
    case LossKind::kGilbertElliottFull:
      return add_line(text, "  in runs", "Gilbert-Elliott: " + chain_text(loss));
    default:
      break;
  }
  add_line(text, "  in runs",
           counts.lost < 5 ? "too few losses to tell" : "no more than chance makes them");
}

void add_share(std::string& text, std::string_view name, const Estimate& share, std::uint64_t of,
               const std::string& more = "") {
  add_line(text, name,
           share.value <= 0 ? none_of(of) : fmt::format("{} of {}{}", share_text(share), of, more));
}

void add_delay(std::string& text, const DelayFit& delay) {
  if (!delay.varies) {
    return add_line(text, "delay",
                    fmt::format("{}, of {}: always the same", time_text({delay.mean.value, 0}),
                                counted(delay.samples, "datagram")));
  }
  add_line(text, "delay",
           fmt::format("mean {}, deviation {}, of {}", time_text(delay.mean),
                       time_text(delay.deviation), counted(delay.samples, "datagram")));
  add_line(text, "  distribution",
           fmt::format("from {} to {}; {} {} (differs by {} at the most)", readable(delay.least),
                       readable(delay.longest),
                       delay.nearest.is_alike ? "cannot be told from" : "unlike others, nearest to",
                       delay.nearest.name, percent_text(delay.nearest.distance)));
  add_line(
      text, "  correlation",
      delay.correlation ? share_text(*delay.correlation) : "none that can be told from chance");
}

void add_rate(std::string& text, const PathFit& fit) {
  if (!fit.rate) return add_line(text, "rate", "no bottleneck seen");
  const Estimate& bits = fit.rate->bits_per_second;
  struct Unit {
    double size;
    std::string_view name;
  };
  for (const auto& [size, name] :
       {Unit{1e9, " Gbit/s"}, Unit{1e6, " Mbit/s"}, Unit{1e3, " kbit/s"}, Unit{1, " bit/s"}}) {
    if (bits.value < size) continue;
    return add_line(text, "rate",
                    fmt::format("{}, for which {} waited",
                                with_error(bits.value / size, bits.error / size, name),
                                counted(fit.rate->waited, "datagram")));
  }
}

void add_order(std::string& text, const PathFit& fit) {
  if (fit.order.is_kept()) {
    add_line(text, "order", "kept, although some would pass others by their delays alone");
  }
  if (fit.early) {
    std::string more;
    if (fit.early->gap > 1) {
      more = fmt::format("; {} of those behind {} others", share_text(fit.early->probability),
                         fit.early->gap - 1);
    }
    add_line(text, "sent ahead", share_text(fit.early->share) + " without the delay" + more);
  }
  if (fit.hold) {
    add_line(
        text, "held back",
        fmt::format("{} by {}", share_text(fit.hold->share), time_text(fit.hold->nanoseconds)));
  }
}

// Of two captures it is not known: what is damaged looks like another.
void add_damage(std::string& text, const DamageFit& damage) {
  if (damage.copies == 0) return;
  const std::string bits =
      fmt::format(", {}{}", counted(damage.bits, "bit"), damage.bits_vary ? " mostly" : "");
  add_share(text, "corrupted", damage.corrupted, damage.copies, bits);
  if (damage.truncated.value > 0) add_share(text, "truncated", damage.truncated, damage.copies);
}

void add_way(std::string& text, std::string_view name, const PathFit& fit) {
  text += fmt::format("  {}: {} sent, {} arrived\n", name, fit.sent, fit.arrived);
  if (fit.left_out > 0) {
    add_line(text, "left out",
             fmt::format("{} behind the first {}, which is what memory holds",
                         counted(fit.left_out, "datagram"), kLoggedDatagramsMax));
  }
  if (fit.unknown > 0) {
    add_line(text, "not counted",
             fmt::format("{} that may be under way still", counted(fit.unknown, "datagram")));
  }
  if (fit.unmatched > 0) {
    add_line(text, "never sent", counted(fit.unmatched, "arrival"));
  }
  if (fit.sent == 0) return;
  add_loss(text, fit.loss);
  if (const auto& mtu = fit.other_losses.mtu_bytes) {
    add_line(text, "mtu",
             fmt::format("{}, above which {} lost", *mtu,
                         counted(fit.other_losses.too_large, "is", "are all")));
  }
  if (const auto& queue = fit.other_losses.queue_datagrams) {
    add_line(text, "queue",
             fmt::format("{}, behind which {} lost", counted(*queue, "datagram"),
                         counted(fit.other_losses.overflowed, "was", "were")));
  }
  if (fit.arrived == 0) return;
  if (fit.duplicated)
    add_share(text, "duplicated", *fit.duplicated, fit.duplicated_of,
              fit.thrice > 0 ? fmt::format("; {} more than twice", fit.thrice) : "");
  add_damage(text, fit.damage);
  add_rate(text, fit);
  add_order(text, fit);
  if (fit.delay) add_delay(text, *fit.delay);
}

// Six digits are more than any figure is known to.
Json number(double value) {
  if (!std::isfinite(value)) return nullptr;
  return std::stod(fmt::format("{:.6g}", value));
}

Json json_of(const Estimate& estimate) {
  return {{"value", number(estimate.value)}, {"error", number(estimate.error)}};
}

Json ms_json(const Estimate& ns) {
  return json_of(Estimate{ns.value / 1e6, ns.error / 1e6});
}

Json json_of(const LossFit& loss) {
  Json json{{"model", to_string(loss.kind)},
            {"lost", loss.counts.lost},
            {"of", loss.counts.known},
            {"rate", json_of(loss.rate)}};
  if (loss.counts.lost == 0) json["rate_at_most"] = number(loss.rate_at_most);
  if (loss.kind == LossKind::kEveryNth) json["every"] = loss.every;
  if (loss.kind >= LossKind::kGilbert && loss.kind <= LossKind::kGilbertElliottFull) {
    json["to_bad"] = json_of(loss.to_bad);
    json["to_good"] = json_of(loss.to_good);
    json["loss_in_bad"] = json_of(loss.loss_in_bad);
    json["loss_in_good"] = json_of(loss.loss_in_good);
  }
  Json candidates = Json::array();
  for (const LossCandidate& candidate : loss.candidates) {
    candidates.push_back({{"model", to_string(candidate.kind)},
                          {"log_likelihood", number(candidate.log_likelihood)},
                          {"criterion", number(candidate.criterion)}});
  }
  json["candidates"] = std::move(candidates);
  return json;
}

Json json_of(const DelayFit& delay) {
  Json json{{"datagrams", delay.samples},
            {"mean_ms", ms_json(delay.mean)},
            {"deviation_ms", ms_json(delay.deviation)},
            {"min_ms", in_ms(delay.least)},
            {"max_ms", in_ms(delay.longest)},
            {"varies", delay.varies}};
  json["correlation"] = delay.correlation ? json_of(*delay.correlation) : Json();
  if (delay.varies) {
    json["nearest"] = {{"distribution", delay.nearest.name},
                       {"distance", number(delay.nearest.distance)},
                       {"alike", delay.nearest.is_alike}};
  }
  return json;
}

Json json_of(const PathFit& fit, const std::string& line) {
  Json json{{"sent", fit.sent},           {"arrived", fit.arrived},   {"not_counted", fit.unknown},
            {"unmatched", fit.unmatched}, {"left_out", fit.left_out}, {"loss", json_of(fit.loss)}};
  json["mtu"] = fit.other_losses.mtu_bytes ? Json(*fit.other_losses.mtu_bytes) : Json();
  json["queue"] =
      fit.other_losses.queue_datagrams ? Json(*fit.other_losses.queue_datagrams) : Json();
  json["keeps_order"] = fit.order.is_kept();
  json["duplicated"] = fit.duplicated ? json_of(*fit.duplicated) : Json();
  json["corrupted"] = json_of(fit.damage.corrupted);
  json["corrupted"]["bits"] = fit.damage.bits;
  json["truncated"] = json_of(fit.damage.truncated);
  json["rate"] = fit.rate ? json_of(fit.rate->bits_per_second) : Json();
  if (fit.rate) {
    json["rate"]["waited"] = fit.rate->waited;
    json["rate"]["explained"] = number(fit.rate->explained);
  }
  if (fit.early) {
    json["early"] = {{"share", json_of(fit.early->share)},
                     {"probability", json_of(fit.early->probability)},
                     {"gap", fit.early->gap}};
  }
  if (fit.hold) {
    json["held_back"] = {{"share", json_of(fit.hold->share)},
                         {"by_ms", ms_json(fit.hold->nanoseconds)}};
  }
  json["delay"] = fit.delay ? json_of(*fit.delay) : Json();
  json["netem"] = line;
  return json;
}

void add_ends(std::string& text, const EndsMatch& ends) {
  const auto add = [&](const std::string& what) { text += "  " + what + '\n'; };
  add(fmt::format(
      "the {} capture is the client's end{}", ends.swapped ? "second" : "first",
      ends.by_content ? "; addresses differ, flows are matched by what they carry" : ""));
  if (!ends.both_ways) {
    add("nothing came back to set the clocks by: delays count from the least");
  } else {
    const bool ahead = ends.offset >= Duration::zero();
    add(fmt::format("the server's clock is {} {}, if the least delay, {}, is the same both ways",
                    format_duration(ahead ? ends.offset : -ends.offset), ahead ? "ahead" : "behind",
                    readable(ends.least)));
  }
  if (ends.drift_ppm) {
    add(fmt::format("it goes {} ppm {}, which is set right",
                    plain_digits(std::abs(*ends.drift_ppm), 3),
                    *ends.drift_ppm > 0 ? "faster" : "slower"));
  }
  if (ends.ambiguous > 0) {
    add(fmt::format("{} could each be one of several that are alike, none of which counts",
                    counted(ends.ambiguous, "arrival")));
  }
}

Json json_of(const EndsMatch& ends) {
  return {{"client", ends.swapped ? 2 : 1},
          {"matched_by", ends.by_content ? "content" : "addresses"},
          {"server_ahead_ms", ends.both_ways ? Json(in_ms(ends.offset)) : Json()},
          {"least_delay_ms", ends.both_ways ? Json(in_ms(ends.least)) : Json()},
          {"drift_ppm", ends.drift_ppm ? number(*ends.drift_ppm) : Json()},
          {"ambiguous", ends.ambiguous}};
}

constexpr std::string_view kWays[] = {"uplink", "downlink"};

}  // namespace

std::string share_text(const Estimate& share) {
  return with_error(100 * share.value, 100 * share.error, "%");
}

std::string fit_text(const FitReport& report) {
  std::string text = "the path that would do that\n";
  if (report.ends) add_ends(text, *report.ends);
  for (std::size_t way = 0; way < 2; ++way) add_way(text, kWays[way], report.ways[way]);
  for (std::size_t way = 0; way < 2; ++way) {
    if (report.ways[way].sent == 0) continue;
    text += fmt::format("  --{}='{}'\n", kWays[way], escape_controls(report.lines[way]));
  }
  for (const std::string& path : report.written) {
    text += fmt::format("  written: {}\n", escape_controls(path));
  }
  return text;
}

Json fit_json(const FitReport& report) {
  Json json{{"captures", report.captures}};
  if (report.ends) json["ends"] = json_of(*report.ends);
  for (std::size_t way = 0; way < 2; ++way) {
    json[std::string(kWays[way])] = json_of(report.ways[way], report.lines[way]);
  }
  json["written"] = report.written;
  return json;
}

}  // namespace lossy
