#include <lossy/harness/capture/two_ends.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <span>
#include <unordered_set>

#include <lossy/harness/capture/inspector.hpp>

namespace lossy {
namespace {

using Seen = EndLog::Seen;
using Way = EndLog::Way;

// The same direction of the same flow, at the end that sends and at the one that receives.
struct Pair {
  const Way* sent = nullptr;
  const Way* arrived = nullptr;
  bool uplink = true;
};

// What a datagram is known by. An identification of 0 is none.
std::uint64_t key_of(const Seen& seen, bool numbered) {
  return std::uint64_t{seen.content} << 32 | std::uint64_t{seen.payload_bytes} << 16 |
         (numbered ? seen.identification : 0U);
}

// The places of datagrams by their keys, in rising order of both.
class Places {
 public:
  Places(const std::vector<Seen>& seen, bool numbered) : numbered_(numbered) {
    places_.reserve(seen.size());
    for (std::size_t i = 0; i < seen.size(); ++i) {
      places_.emplace_back(key_of(seen[i], numbered), static_cast<std::uint32_t>(i));
    }
    std::sort(places_.begin(), places_.end());
  }

  // Those with the same key.
  std::span<const std::pair<std::uint64_t, std::uint32_t>> of(const Seen& seen) const {
    const std::uint64_t key = key_of(seen, numbered_);
    return {std::lower_bound(places_.begin(), places_.end(), std::pair(key, 0U)),
            std::upper_bound(places_.begin(), places_.end(), std::pair(key, ~std::uint32_t{0}))};
  }

 private:
  bool numbered_;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> places_;
};

// How many that arrived were sent, as far as one in a few tells it.
std::size_t common(const Pair& pair, bool numbered) {
  constexpr std::size_t kLookedAt = 2000;
  const Places places(pair.sent->seen, numbered);
  const std::size_t step = pair.arrived->seen.size() / kLookedAt + 1;
  std::size_t count = 0;
  for (std::size_t i = 0; i < pair.arrived->seen.size(); i += step) {
    count += places.of(pair.arrived->seen[i]).empty() ? 0 : 1;
  }
  return count;
}

// Flows with the same addresses at both ends.
std::vector<Pair> pairs_by_address(const EndLog& client, const EndLog& server) {
  std::vector<Pair> pairs;
  std::unordered_map<Address, std::vector<const Way*>> by_source;
  for (const Way& way : server.ways()) by_source[way.source].push_back(&way);
  for (const Way& way : client.ways()) {
    const auto found = by_source.find(way.source);
    if (found == by_source.end()) continue;
    for (const Way* other : found->second) {
      if (other->destination != way.destination) continue;
      pairs.push_back(way.uplink ? Pair{&way, other, true} : Pair{other, &way, false});
    }
  }
  return pairs;
}

// Flows that carry the same: each of the client's end with the one that most of its first datagrams
// are in, if half of them are.
std::vector<Pair> pairs_by_content(const EndLog& client, const EndLog& server) {
  constexpr std::size_t kFirst = 1000;
  std::array<std::unordered_map<std::uint64_t, std::size_t>, 2> whose;
  for (std::size_t i = 0; i < server.ways().size(); ++i) {
    const Way& way = server.ways()[i];
    for (const Seen& seen : way.seen) whose[way.uplink ? 0 : 1].emplace(key_of(seen, false), i);
  }
  std::vector<Pair> pairs;
  for (const Way& way : client.ways()) {
    std::unordered_map<std::size_t, std::size_t> votes;
    const std::size_t asked = std::min(way.seen.size(), kFirst);
    for (std::size_t i = 0; i < asked; ++i) {
      const auto& index = whose[way.uplink ? 0 : 1];
      if (const auto found = index.find(key_of(way.seen[i], false)); found != index.end()) {
        ++votes[found->second];
      }
    }
    std::size_t best = 0;
    for (const auto& [place, count] : votes) {
      if (best == 0 || count > votes[best - 1] || (count == votes[best - 1] && place + 1 < best)) {
        best = place + 1;
      }
    }
    if (best == 0 || 2 * votes[best - 1] < asked) continue;
    const Way& other = server.ways()[best - 1];
    pairs.push_back(way.uplink ? Pair{&way, &other, true} : Pair{&other, &way, false});
  }
  return pairs;
}

// Whether the first capture was taken where the servers are: what it says of which way packets went
// says that, or else that they have come a longer way.
bool is_swapped(const EndLog& first, const EndLog& second) {
  std::int64_t at_client = 0;
  for (const Way& way : first.ways()) {
    const auto out =
        static_cast<std::int64_t>(way.outgoing) - static_cast<std::int64_t>(way.incoming);
    at_client += way.uplink ? out : -out;
  }
  for (const Way& way : second.ways()) {
    const auto out =
        static_cast<std::int64_t>(way.outgoing) - static_cast<std::int64_t>(way.incoming);
    at_client -= way.uplink ? out : -out;
  }
  if (at_client != 0) return at_client < 0;
  for (const Pair& pair : pairs_by_address(first, second)) {
    const Way& one = pair.uplink ? *pair.sent : *pair.arrived;
    const Way& other = pair.uplink ? *pair.arrived : *pair.sent;
    const double hops =
        static_cast<double>(one.hops_sum) / static_cast<double>(one.seen.size()) -
        static_cast<double>(other.hops_sum) / static_cast<double>(other.seen.size());
    if (std::abs(hops) >= 0.5) return pair.uplink == (hops < 0);
  }
  return false;
}

// The least of what times differ by, over a capture and over its first and its last third.
struct Least {
  Duration all = Duration::max();
  Duration first = Duration::max();
  Duration last = Duration::max();
  std::uint64_t count = 0;
};

class Joiner {
 public:
  Joiner(const EndLog& client, const EndLog& server, const std::vector<Pair>& pairs)
      : client_(client), server_(server), pairs_(pairs) {
    for (const Pair& pair : pairs_) {
      // Something on the way may write identifications anew.
      numbered_.push_back(2 * common(pair, true) >= common(pair, false));
    }
  }

  // False when nothing tells how far the clocks are apart.
  bool set_clocks(JoinedEnds& joined) {
    std::array<Least, 2> least = look();
    if (least[0].count + least[1].count == 0) return false;
    joined.both_ways = least[0].count > 0 && least[1].count > 0;
    if (joined.both_ways && find_drift(least)) {
      joined.drift_ppm = 1e6 * drift_;
      least = look();
    }
    if (joined.both_ways) {
      offset_ = (least[0].all - least[1].all) / 2;
    } else {
      offset_ = least[0].count > 0 ? least[0].all : -least[1].all;
    }
    joined.offset = offset_;
    least_ = least[0].count > 0 ? least[0].all - offset_ : least[1].all + offset_;
    joined.least = least_;
    return true;
  }

  void join(JoinedEnds& joined) {
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      const Pair& pair = pairs_[i];
      const std::size_t way = pair.uplink ? 0 : 1;
      joined.paths[way].flows.push_back(join_flow(pair, numbered_[i], joined.ambiguous));
    }
  }

 private:
  // What the server's clock says, without its drift.
  Instant steady(Instant time) const {
    const double since = static_cast<double>((time - server_.first()).count());
    return time - Duration(std::llround(since * drift_));
  }
  // From a sending to an arrival, on the client's clock; times of the server's end are without
  // drift.
  Duration raw_delay(const Pair& pair, Instant sent, Instant arrived) const {
    return pair.uplink ? steady(arrived) - sent : arrived - steady(sent);
  }
  Duration delay(const Pair& pair, Instant sent, Instant arrived) const {
    return raw_delay(pair, sent, arrived) - (pair.uplink ? offset_ : -offset_);
  }

  // Looks at those that can be no other.
  std::array<Least, 2> look() {
    std::array<Least, 2> least;
    longest_ = {};
    const Instant begins = client_.first();
    const Duration third = (client_.last() - client_.first()) / 3;
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      const Pair& pair = pairs_[i];
      Least& way = least[pair.uplink ? 0 : 1];
      const Places sent(pair.sent->seen, numbered_[i]);
      const Places arrived(pair.arrived->seen, numbered_[i]);
      for (const Seen& seen : pair.arrived->seen) {
        const auto places = sent.of(seen);
        if (places.size() != 1 || arrived.of(seen).size() != 1) continue;
        const Instant left = pair.sent->seen[places[0].second].time;
        const Duration took = raw_delay(pair, left, seen.time);
        const Instant at_client = pair.uplink ? left : seen.time;
        ++way.count;
        way.all = std::min(way.all, took);
        if (at_client < begins + third) way.first = std::min(way.first, took);
        if (at_client >= begins + 2 * third) way.last = std::min(way.last, took);
        Duration& longest = longest_[pair.uplink ? 0 : 1];
        longest = way.count == 1 ? took : std::max(longest, took);
      }
    }
    for (std::size_t way = 0; way < 2; ++way) {
      if (least[way].count > 0) longest_[way] -= least[way].all;
    }
    return least;
  }

  // Clocks drift where the least delays of one way rise by as much as those of the other fall.
  bool find_drift(const std::array<Least, 2>& least) {
    for (const Least& way : least) {
      if (way.first == Duration::max() || way.last == Duration::max()) return false;
    }
    const Duration up = least[0].last - least[0].first;
    const Duration down = least[1].last - least[1].first;
    const Duration apart = (up - down) / 2;
    const Duration together = up + down;
    constexpr Duration kVisible = std::chrono::microseconds(20);
    if (std::chrono::abs(apart) < kVisible ||
        std::chrono::abs(apart) < 2 * std::chrono::abs(together)) {
      return false;
    }
    const double between = static_cast<double>((client_.last() - client_.first()).count()) * 2 / 3;
    drift_ = static_cast<double>(apart.count()) / between;
    return true;
  }

  // How much longer than the least a delay may be.
  Duration patience(bool uplink) const {
    return longest_[uplink ? 0 : 1] * 3 / 2 + std::chrono::milliseconds(10);
  }

  // On the client's clock.
  Instant when_sent(const Pair& pair, Instant sent) const {
    return pair.uplink ? sent : steady(sent) - offset_;
  }

  LoggedFlow join_flow(const Pair& pair, bool numbered, std::uint64_t& ambiguous) const {
    LoggedFlow flow;
    flow.datagrams.reserve(pair.sent->seen.size());
    for (const Seen& seen : pair.sent->seen) {
      LoggedDatagram& datagram = flow.datagrams.emplace_back();
      datagram.sent = when_sent(pair, seen.time);
      datagram.content = seen.content;
      datagram.identification = seen.identification;
      datagram.payload_bytes = seen.payload_bytes;
      datagram.is_v6 = pair.sent->source.is_v6();
    }
    const Places sent(pair.sent->seen, numbered);
    const Duration latest = least_ + patience(pair.uplink);
    const Instant begins = pair.uplink ? client_.first() : server_.first();
    std::unordered_set<std::uint64_t> alike;  // The keys of those that are not told apart.
    for (const Seen& seen : pair.arrived->seen) {
      // Of those with its key, the ones that left at a time when it may have.
      const auto took = [&](const auto& place) {
        return delay(pair, pair.sent->seen[place.second].time, seen.time);
      };
      const auto same = sent.of(seen);
      const auto first = std::ranges::partition_point(
          same, [&](Duration d) { return d > latest; }, took);
      const auto end = std::ranges::partition_point(
          same, [&](Duration d) { return d >= least_ - kSlack; }, took);
      if (end - first == 1) {
        FlowLog::arrive(flow, first->second, took(*first));
      } else if (end - first > 1) {
        ++ambiguous;
        alike.insert(key_of(seen, numbered));
      } else if (delay(pair, begins, seen.time) > latest) {
        ++flow.unmatched;  // It did not leave before the other capture began.
      }
    }
    for (std::size_t i = 0; i < flow.datagrams.size() && !alike.empty(); ++i) {
      LoggedDatagram& datagram = flow.datagrams[i];
      if (datagram.arrivals == 0 && alike.contains(key_of(pair.sent->seen[i], numbered))) {
        datagram.unknown = true;
      }
    }
    mark_ends(pair, flow);
    return flow;
  }

  // What may have arrived when the other end was not captured.
  void mark_ends(const Pair& pair, LoggedFlow& flow) const {
    const EndLog& there = pair.uplink ? server_ : client_;
    for (std::size_t i = 0; i < flow.datagrams.size(); ++i) {
      LoggedDatagram& datagram = flow.datagrams[i];
      if (datagram.arrivals > 0) continue;
      const Instant sent = pair.sent->seen[i].time;
      const bool seen_at_least = delay(pair, sent, there.first()) <= least_;
      const bool seen_at_most = delay(pair, sent, there.last()) >= least_ + patience(pair.uplink);
      if (!seen_at_least || !seen_at_most) datagram.unknown = true;
    }
  }

  // How much less than the least of the others may be one of those that are sent again.
  static constexpr Duration kSlack = std::chrono::milliseconds(1);

  const EndLog& client_;
  const EndLog& server_;
  const std::vector<Pair>& pairs_;
  std::vector<bool> numbered_;
  double drift_ = 0;
  Duration offset_{};
  Duration least_{};
  std::array<Duration, 2> longest_{};  // Beyond the least.
};

}  // namespace

void EndLog::add(Instant time, const Sight& sight) {
  if (sight.frame == nullptr || sight.flow == 0 || sight.two_sided || sight.repeated) return;
  const Frame& frame = *sight.frame;
  first_ = std::min(first_, time);
  last_ = std::max(last_, time);
  if (has_bad_checksum(frame)) return;
  if (seen_ == kLoggedDatagramsMax) {
    ++left_out_;
    return;
  }
  ++seen_;
  const auto is_of = [&](const Way& way) {
    return way.source == frame.source && way.destination == frame.destination;
  };
  if (ways_.empty() || !is_of(ways_[latest_])) {
    const auto [found, is_new] =
        index_.try_emplace({frame.source, frame.destination}, ways_.size());
    latest_ = found->second;
    if (is_new) {
      Way& way = ways_.emplace_back();
      way.source = frame.source;
      way.destination = frame.destination;
      way.uplink = sight.uplink;
    }
  }
  Way& way = ways_[latest_];
  way.outgoing += frame.type == PacketType::kOutgoing ? 1 : 0;
  way.incoming += frame.type == PacketType::kIncoming ? 1 : 0;
  way.hops_sum += frame.ttl;
  way.seen.push_back({time, digest_of(frame.payload),
                      static_cast<std::uint16_t>(frame.source.is_v6() ? 0 : frame.identification),
                      static_cast<std::uint16_t>(frame.payload.size())});
}

std::variant<JoinedEnds, std::string> join_ends(const EndLog& first, const EndLog& second) {
  JoinedEnds joined;
  joined.swapped = is_swapped(first, second);
  const EndLog& client = joined.swapped ? second : first;
  const EndLog& server = joined.swapped ? first : second;
  std::vector<Pair> pairs = pairs_by_address(client, server);
  if (pairs.empty()) {
    joined.by_content = true;
    pairs = pairs_by_content(client, server);
  }
  if (pairs.empty()) return "they have no flow in common";
  Joiner joiner(client, server, pairs);
  if (!joiner.set_clocks(joined)) {
    return "no datagram of one can be told to be one of the other: they are alike, and without "
           "identifications, or all of them differ";
  }
  joiner.join(joined);
  for (LoggedPath& path : joined.paths) path.left_out = first.left_out() + second.left_out();
  return joined;
}

}  // namespace lossy
