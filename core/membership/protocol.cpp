#include <lossy/core/membership/protocol.hpp>

#include <algorithm>
#include <memory>
#include <utility>

#include <lossy/core/membership/node.hpp>

namespace lossy::membership {
namespace {

enum PropertyName : std::size_t { kAgreed, kAllIn, kIncarnations };

constexpr std::uint16_t kPort = 7946;

NodeOptions node_options(const RunPlan& plan, std::size_t node) {
  NodeOptions options;
  options.self = plan.addresses.at(node);
  if (node > 0) options.contact = plan.addresses.front();
  options.seed = RandomStream(static_cast<std::uint64_t>(plan.at("order"))).at(node + 1);
  options.period = Duration(plan.at("period"));
  options.answer_time = options.period / 4;
  options.suspect_periods = static_cast<int>(plan.at("suspect-periods"));
  options.rests_at = Instant{} + Duration(plan.at("run-for"));
  return options;
}

// A node that may fall silent for good, and what its application saw.
class Host final : public Endpoint {
 public:
  Host(const NodeOptions& options, Instant crashes_at) : node(options), crashes_at_(crashes_at) {}

  void handle_datagram(Instant now, const Datagram& datagram) override {
    if (!passes(now)) node.handle_datagram(now, datagram);
  }
  void handle_timeout(Instant now) override {
    if (!passes(now)) node.handle_timeout(now);
  }
  std::optional<Transmit> poll_transmit(Instant now, std::span<std::byte> buffer) override {
    if (passes(now)) return std::nullopt;
    const auto transmit = node.poll_transmit(now, buffer);
    if (!transmit && on_drained) on_drained();
    return transmit;
  }
  std::optional<Instant> poll_timeout() const override {
    if (crashed()) return std::nullopt;
    return node.poll_timeout();
  }

  bool crashed() const { return now_ >= crashes_at_; }
  Instant now() const { return now_; }

  Node node;
  std::function<void()> on_drained{};

 private:
  // Whether time passes without it.
  bool passes(Instant now) {
    now_ = std::max(now_, now);
    return crashed();
  }

  Instant crashes_at_;
  Instant now_{};
};

class GroupRun final : public ProtocolRun {
 public:
  GroupRun(const RunPlan& plan, Protocol::Listener listener)
      : addresses_(plan.addresses),
        crash_at_(plan.find("crash-at") ? Instant{} + Duration(plan.at("crash-at"))
                                        : Instant::max()),
        // A member of the other side is suspected, then dead, then its turn comes to be asked
        // again; then everyone is told.
        settles_within_(Duration(plan.at("period")) *
                        (plan.at("suspect-periods") +
                         3 * static_cast<std::int64_t>(plan.addresses.size()) + 10)),
        listener_(std::move(listener)) {
    for (std::size_t i = 0; i < addresses_.size(); ++i) {
      const bool crashes = i + 1 == addresses_.size();
      hosts_.push_back(
          std::make_unique<Host>(node_options(plan, i), crashes ? crash_at_ : Instant::max()));
      hosts_.back()->on_drained = [this, i] { collect(i); };
    }
    is_in_.resize(addresses_.size());
  }

  Endpoint& endpoint(std::size_t host) override { return *hosts_.at(host); }
  std::uint64_t asked() const override { return addresses_.size(); }
  std::uint64_t ended() const override {
    return static_cast<std::uint64_t>(std::ranges::count(is_in_, true));
  }

  RunFigures figures() const override {
    NodeCounters sum;
    for (const auto& host : hosts_) {
      const NodeCounters& counters = host->node.counters();
      sum.pings += counters.pings;
      sum.unanswered += counters.unanswered;
      sum.suspicions += counters.suspicions;
      sum.refutations += counters.refutations;
      sum.too_many += counters.too_many;
      for (std::size_t i = 0; i < kMalformedCount; ++i) sum.malformed[i] += counters.malformed[i];
    }
    std::vector<std::pair<std::string_view, std::uint64_t>> ignored{{"too_many", sum.too_many}};
    for (std::size_t i = 0; i < kMalformedCount; ++i) {
      ignored.emplace_back(to_string(static_cast<Malformed>(i)), sum.malformed[i]);
    }
    return {.asked = asked(),
            .ended = ended(),
            .counts = {{"nodes", "", asked()},
                       {"joined", "joined", ended(), true},
                       {"pings", "pings", sum.pings},
                       {"unanswered", "unanswered", sum.unanswered},
                       {"suspicions", "suspicions", sum.suspicions},
                       {"refutations", "refutations", sum.refutations}},
            .lists = {{"ignored", std::move(ignored)}}};
  }

  bool holds(std::size_t property) const override {
    switch (property) {
      case kAgreed:
        return (now() >= crash_at_ && now() < saturating_add(crash_at_, settles_within_)) ||
               is_agreed();
      case kAllIn:
        return std::ranges::all_of(
            hosts_, [](const auto& host) { return host->crashed() || host->node.joined(); });
      default:
        return incarnations_hold();
    }
  }
  Duration settles_within() const override { return settles_within_; }

 private:
  Instant now() const {
    Instant latest{};
    for (const auto& host : hosts_) latest = std::max(latest, host->now());
    return latest;
  }

  // Everyone who is there sees everyone who is, and nobody else.
  bool is_agreed() const {
    std::uint64_t changes = hosts_.back()->crashed() ? 1 : 0;
    for (const auto& host : hosts_) changes += host->node.changes() * 2;
    if (changes == agreed_as_of_) return agreed_;
    std::vector<Address> there;
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
      if (!hosts_[i]->crashed()) there.push_back(addresses_[i]);
    }
    std::ranges::sort(there);
    agreed_ = std::ranges::all_of(
        hosts_, [&](const auto& host) { return host->crashed() || host->node.members() == there; });
    agreed_as_of_ = changes;
    return agreed_;
  }

  // Only a node itself raises its incarnation.
  bool incarnations_hold() const {
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
      for (const auto& other : hosts_) {
        const auto believed = other->node.incarnation_of(addresses_[i]);
        if (believed && *believed > hosts_[i]->node.incarnation()) return false;
      }
    }
    return true;
  }

  void collect(std::size_t i) {
    const std::optional<Instant> joined = hosts_[i]->node.joined();
    if (!joined || is_in_[i]) return;
    is_in_[i] = true;
    if (!listener_) return;
    const std::string name = addresses_[i].to_string();
    listener_({.ended = *joined,
               .elapsed = *joined - Instant{},
               .is_good = true,
               .subject = name,
               .predicate = "is in"});
  }

  std::vector<Address> addresses_;
  Instant crash_at_;
  Duration settles_within_;
  Protocol::Listener listener_;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::vector<bool> is_in_;
  mutable std::uint64_t agreed_as_of_ = ~std::uint64_t{0};
  mutable bool agreed_ = false;
};

std::vector<HostRole> hosts(const RunPlan& plan) {
  if (plan.find("crash-at").value_or(0) > plan.at("run-for")) {
    throw PlanError("--crash-at", "the run is over before: --run-for says for how long it is");
  }
  std::vector<HostRole> nodes;
  for (std::int64_t i = 1; i <= plan.at("nodes"); ++i) {
    nodes.push_back({.name = "node " + std::to_string(i), .port = kPort});
  }
  return nodes;
}

}  // namespace

const Protocol& protocol() {
  static const Protocol protocol{
      .name = "membership",
      .sentence = "Nodes join a group, watch each other, and are told who else is in it (as SWIM).",
      .title = "Group",
      .calls = "nodes",
      .call = "node",
      .to_have_more = "a shorter --period",
      .settings = {{.name = "nodes",
                    .sentence = "how many there are [5]",
                    .initial = 5,
                    .least = 2,
                    .most = 100,
                    .tried = {2, 3, 3}},
                   {.name = "run-for",
                    .sentence = "how long they watch each other [60s]",
                    .kind = Setting::Kind::kTime,
                    .initial = Duration(std::chrono::seconds(60)).count(),
                    .least = 1,
                    .most = kDurationMax.count(),
                    .tried = {Duration(std::chrono::seconds(40)).count(),
                              Duration(std::chrono::seconds(40)).count()}},
                   {.name = "period",
                    .sentence = "how often each pings another one [1s]",
                    .kind = Setting::Kind::kTime,
                    .initial = Duration(std::chrono::seconds(1)).count(),
                    .least = Duration(std::chrono::milliseconds(1)).count(),
                    .most = Duration(std::chrono::hours(1)).count()},
                   {.name = "suspect-periods",
                    .sentence = "how many periods pass until who is suspected is dead [4]",
                    .initial = 4,
                    .least = 1,
                    .most = 1000,
                    .tried = {1, 1, 2}},
                   {.name = "order",
                    .sentence = "a number for the orders in which they ping each other [1]",
                    .initial = 1,
                    .tried = {2, 3, 4, 5}},
                   {.name = "crash-at",
                    .sentence = "the last node falls silent then, for good",
                    .kind = Setting::Kind::kTime,
                    .tried = {Duration(std::chrono::seconds(7)).count()}}},
      .properties = {{.name = "agreed",
                      .sentence =
                          "once the network was perfect for a while, all see the same members",
                      .when = Property::When::kEventually},
                     {.name = "all-in",
                      .sentence =
                          "once the network was perfect for a while, everyone who is there is in",
                      .when = Property::When::kEventually},
                     {.name = "incarnations",
                      .sentence = "nobody is said to have an incarnation that it has not",
                      .when = Property::When::kAtRest}},
      .hosts = hosts,
      .make_run =
          [](const RunPlan& plan, Protocol::Listener listener) {
            return std::make_unique<GroupRun>(plan, std::move(listener));
          },
      .describe = describe,
  };
  return protocol;
}

}  // namespace lossy::membership
