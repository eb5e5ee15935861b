#include <lossy/harness/report/page_tables.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include <lossy/harness/report/readable.hpp>

namespace lossy {
namespace {

using Json = nlohmann::ordered_json;

// A table with a column for each direction, and each count beside its part of a whole.
class WaysTable {
 public:
  explicit WaysTable(std::string_view title) {
    table_ = {{"title", title},
              {"columns", {"", "", "uplink", "", "downlink", ""}},
              {"align", "llrrrr"},
              {"rows", Json::array()}};
  }
  void add(std::string_view key, std::string_view name, std::string_view rfc, std::uint64_t up,
           std::uint64_t up_whole, std::uint64_t down, std::uint64_t down_whole) {
    row(key, name, rfc, std::to_string(up), percent(up, up_whole), std::to_string(down),
        percent(down, down_whole));
  }
  void add(std::string_view key, std::string_view name, std::string_view rfc, std::uint64_t up,
           std::uint64_t down) {
    add(key, name, rfc, up, 0, down, 0);
  }
  void add(std::string_view key, std::string_view name, std::string_view rfc, const Histogram& up,
           const Histogram& down, std::uint64_t part) {
    const auto text = [part](const Histogram& values) {
      return values.count() == 0 ? std::string() : readable(values.quantile(part, 100));
    };
    row(key, name, rfc, text(up), "", text(down), "");
  }
  Json take() { return std::move(table_); }

 private:
  void row(std::string_view key, std::string_view name, std::string_view rfc, const std::string& up,
           const std::string& up_share, const std::string& down, const std::string& down_share) {
    table_["rows"].push_back(
        {{"key", key}, {"cells", {name, rfc, up, up_share, down, down_share}}});
  }

  Json table_;
};

void add_delays(WaysTable& table, const PathMetrics& up, const PathMetrics& down) {
  if (up.delay.count() + down.delay.count() > 0) {
    table.add("delay_min", "delay, least", "RFC 7679", up.delay, down.delay, 0);
    table.add("delay_median", "  median", "", up.delay, down.delay, 50);
    table.add("delay_p99", "  99%", "", up.delay, down.delay, 99);
    table.add("delay_max", "  most", "", up.delay, down.delay, 100);
  }
  if (up.delay_variation.count() + down.delay_variation.count() > 0) {
    table.add("variation_median", "delay variation, median", "RFC 3393", up.delay_variation,
              down.delay_variation, 50);
    table.add("variation_p99", "  99%", "", up.delay_variation, down.delay_variation, 99);
  }
}

}  // namespace

Json links_table(const LinkCounters& up, const LinkCounters& down) {
  WaysTable table("Datagrams");
  const std::uint64_t up_copies = up.delivered + up.duplicated;
  const std::uint64_t down_copies = down.delivered + down.duplicated;
  table.add("offered", "offered", "", up.offered, down.offered);
  table.add("delivered", "delivered", "", up.delivered, up.offered, down.delivered, down.offered);
  table.add("lost", "lost", "RFC 7680", up.lost(), up.offered, down.lost(), down.offered);
  for (std::size_t i = 0; i < kLossReasonCount; ++i) {
    if (up.lost_by[i] + down.lost_by[i] == 0) continue;
    const auto why = to_string(static_cast<LossReason>(i));
    table.add(fmt::format("lost_by.{}", why), fmt::format("  by {}", why), "", up.lost_by[i],
              up.offered, down.lost_by[i], down.offered);
  }
  table.add("duplicated", "duplicated", "RFC 5560", up.duplicated, up.delivered, down.duplicated,
            down.delivered);
  table.add("reordered", "reordered", "RFC 4737", up.reordered, up.delivered, down.reordered,
            down.delivered);
  table.add("corrupted", "corrupted", "", up.corrupted, up_copies, down.corrupted, down_copies);
  const auto add_if_any = [&](const char* key, const char* name, std::uint64_t one,
                              std::uint64_t other) {
    if (one + other > 0) table.add(key, name, "", one, up_copies, other, down_copies);
  };
  add_if_any("truncated", "truncated", up.truncated, down.truncated);
  add_if_any("copies_dropped", "copies lost", up.copies_dropped, down.copies_dropped);
  add_if_any("held_back", "held back", up.held_back, down.held_back);
  add_if_any("early", "early", up.early, down.early);
  return table.take();
}

Json path_table(const PathMetrics& up, const PathMetrics& down, bool counted) {
  WaysTable table(counted ? "The path" : "Runs, order and delay");
  const PathCounters& one = up.counters;
  const PathCounters& other = down.counters;
  if (counted) {
    table.add("sent", "sent", "", one.sent, other.sent);
    table.add("arrived", "arrived", "", one.arrived, one.sent, other.arrived, other.sent);
    table.add("lost", "lost", "RFC 7680", one.lost, one.sent, other.lost, other.sent);
    if (one.in_flight + other.in_flight > 0) {
      table.add("in_flight", "in flight", "", one.in_flight, one.sent, other.in_flight, other.sent);
    }
  }
  table.add("loss_periods", "loss periods", "RFC 3357", up.loss_periods, down.loss_periods);
  table.add("longest_loss_period", "  longest", "", up.longest_loss_period,
            down.longest_loss_period);
  if (counted) {
    table.add("duplicated", "duplicated", "RFC 5560", one.duplicated, one.arrived, other.duplicated,
              other.arrived);
    table.add("reordered", "reordered", "RFC 4737", one.reordered, one.arrived, other.reordered,
              other.arrived);
    if (one.unmatched + other.unmatched > 0) {
      table.add("unmatched", "never sent", "", one.unmatched, other.unmatched);
    }
  }
  table.add("extent_max", "reordering extent, most", "RFC 4737", up.extent_max, down.extent_max);
  add_delays(table, up, down);
  return table.take();
}

Json exchanges_table(const ExchangeCounters& counters) {
  Json rows = Json::array();
  const auto add = [&](std::string_view key, std::string_view name, std::uint64_t count,
                       std::uint64_t whole = 0) {
    rows.push_back({{"key", key}, {"cells", {name, std::to_string(count), percent(count, whole)}}});
  };
  add("requests", "requests", counters.requests);
  add("answered", "answered", counters.answered, counters.requests);
  add("unanswered", "unanswered", counters.unanswered, counters.requests);
  add("retransmitted", "retransmitted", counters.retransmitted);
  add("answered_twice", "answered twice", counters.answered_twice);
  if (counters.unasked > 0) add("unasked", "unasked", counters.unasked);
  if (counters.unfollowed > 0) add("unfollowed", "not followed", counters.unfollowed);
  return {{"title", "Requests"},
          {"columns", {"", "number", ""}},
          {"align", "lrr"},
          {"rows", std::move(rows)}};
}

Json page_histogram(const Histogram& values, std::string_view title) {
  if (values.count() == 0) return {};
  constexpr std::int64_t kBins = 48;
  // The last hundredth may be far out: what is above is counted as one.
  const std::int64_t first = values.min().count();
  // Bins are no finer than what a histogram can tell.
  const std::int64_t least = first + std::max(kBins, first / 8);
  const std::int64_t p99 = values.quantile(99, 100).count();
  const std::int64_t most = values.max().count();
  const std::int64_t end = std::max(least, std::min(p99 + p99 / 20, most + most / 512 + 1));
  Json edges = Json::array();
  Json counts = Json::array();
  std::uint64_t below = 0;
  for (std::int64_t i = 0; i <= kBins; ++i) {
    const std::int64_t edge = first + (end - first) / kBins * i + (end - first) % kBins * i / kBins;
    edges.push_back(edge);
    if (i == 0) continue;
    const std::uint64_t now = values.count_below(Duration(edge));
    counts.push_back(now - below);
    below = now;
  }
  return {{"title", title},
          {"count", values.count()},
          {"edges", std::move(edges)},
          {"counts", std::move(counts)},
          {"above", values.count() - below},
          {"median", values.quantile(1, 2).count()},
          {"p99", p99},
          {"max", most}};
}

}  // namespace lossy
