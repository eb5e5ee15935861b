#include <lossy/harness/report/netem_differences.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include <lossy/harness/link/serialiser.hpp>
#include <lossy/harness/link/text.hpp>
#include <lossy/harness/report/figure_text.hpp>
#include <lossy/harness/report/netem_replica.hpp>
#include <lossy/harness/report/readable.hpp>

namespace lossy {
namespace {

using Sentences = std::vector<std::string>;

constexpr int kEthernetHeaderBytes = 14;

// Three digits and zeros: "10000", "83300".
std::string about(double number) {
  if (number < 1000) return plain_digits(number, 3);
  const double unit = std::pow(10, std::max(0.0, std::floor(std::log10(number)) - 2));
  return fmt::format("{:.0f}", std::round(number / unit) * unit);
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
                                rate == 0 ? "none at all" : "about " + percent_text(rate)));
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
      format_probability(correlation), std::abs(lag_1) < 0.005 ? "none" : percent_text(lag_1),
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
                  percent_text(rates.loss), percent_text(rates.duplicated),
                  percent_text(figures.loss.rate), percent_text(figures.duplicated)));
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
        theirs.name, percent_text(theirs.deviation),
        readable(theirs.deviation * in_seconds(jitter)), percent_text(-theirs.mean),
        readable(-theirs.mean * in_seconds(jitter))));
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
      percent_text(1 - ours_bytes / theirs_bytes), kExamplePayloadBytes, words));
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

}  // namespace

std::vector<std::string> netem_differences(const LinkSettings& settings, const PathFigures& figures,
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

}  // namespace lossy
