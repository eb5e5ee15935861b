#include <lossy/core/membership/node.hpp>

#include <algorithm>
#include <utility>

#include <lossy/core/check.hpp>

namespace lossy::membership {
namespace {

constexpr std::size_t kLettersMax = 256;
constexpr std::size_t kRelaysMax = 256;
constexpr int kTellings = 8;  // Of what is new, to whoever is sent something.

}  // namespace

Node::Node(const NodeOptions& options) : options_(options), draws_(options.seed) {
  check(options.period > Duration::zero() && options.period <= kDurationMax,
        "membership::NodeOptions: period outside its range");
  check(options.answer_time > Duration::zero() && options.answer_time < options.period,
        "membership::NodeOptions: answer_time outside its range");
  check(options.suspect_periods >= 1 && options.suspect_periods <= 1'000'000,
        "membership::NodeOptions: suspect_periods outside its range");
}

void Node::begin(Instant now) {
  is_begun_ = true;
  // Not all nodes at once.
  const auto phase =
      uniform_below(draws_.at(++drawn_), static_cast<std::uint64_t>(options_.period.count()));
  next_period_ = saturating_add(now, Duration(static_cast<Duration::rep>(phase)));
  if (!options_.contact) {
    joined_ = now;
    return;
  }
  join_number_ = ++last_number_;
  send(*options_.contact, {.kind = Kind::kJoin, .number = join_number_});
}

void Node::handle_datagram(Instant now, const Datagram& datagram) {
  ++counters_.received;
  const Parsed parsed = parse(datagram.payload);
  if (const auto* reason = std::get_if<Malformed>(&parsed)) {
    ++counters_.malformed[static_cast<std::size_t>(*reason)];
    return;
  }
  const Message& message = std::get<Message>(parsed);
  hear(now, {datagram.source, State::kAlive, message.incarnation});
  for (const Rumour& rumour : message.rumours) hear(now, rumour);
  switch (message.kind) {
    case Kind::kJoin:
    case Kind::kPing:
      return send(datagram.source, {.kind = Kind::kAck, .number = message.number});
    case Kind::kAskOther:
      if (relays_.size() == kRelaysMax) {
        ++counters_.too_many;
        return;
      }
      relays_.push_back(
          {++last_number_, datagram.source, message.number, saturating_add(now, options_.period)});
      return send(*message.target, {.kind = Kind::kPing, .number = last_number_});
    case Kind::kAck:
      break;
  }
  if (probe_ && probe_->number == message.number) probe_.reset();
  if (!joined_ && message.number == join_number_) joined_ = now;
  const auto relay = std::ranges::find(relays_, message.number, &Relay::number);
  if (relay == relays_.end()) return;
  send(relay->asker, {.kind = Kind::kAck, .number = relay->asked});
  relays_.erase(relay);
}

void Node::hear(Instant now, const Rumour& rumour) {
  if (rumour.member == options_.self) {
    const bool is_wrong = rumour.state != State::kAlive && rumour.incarnation >= incarnation_;
    if (is_wrong) ++counters_.refutations;
    incarnation_ = std::max(incarnation_, rumour.incarnation);
    if (is_wrong && incarnation_ < UINT32_MAX) ++incarnation_;
    return;
  }
  const auto found = members_.find(rumour.member);
  if (found == members_.end()) {
    if (rumour.state == State::kDead) return;
    if (members_.size() >= options_.members_max) {
      ++counters_.too_many;
      return;
    }
    set(now, members_[rumour.member], rumour.state, rumour.incarnation);
    return;
  }
  Member& member = found->second;
  const bool counts = rumour.incarnation != member.incarnation
                          ? rumour.incarnation > member.incarnation
                          : rumour.state > member.state;
  if (counts) set(now, member, rumour.state, rumour.incarnation);
}

void Node::set(Instant now, Member& member, State state, std::uint32_t incarnation) {
  member.state = state;
  member.incarnation = incarnation;
  member.suspected_until = state == State::kSuspect
                               ? saturating_add(now, options_.period * options_.suspect_periods)
                               : Instant::max();
  member.tellings_left = kTellings;
  member.heard = ++heard_;
}

void Node::handle_timeout(Instant now) {
  if (!is_begun_) return;
  if (now >= options_.rests_at) rests_ = true;  // Timers that came too late, too.
  if (rests_) return;
  std::erase_if(relays_, [now](const Relay& relay) { return relay.deadline <= now; });
  for (auto& [address, member] : members_) {
    if (member.suspected_until <= now) set(now, member, State::kDead, member.incarnation);
  }
  if (probe_ && probe_->deadline <= now) probe_fails(now);
  if (*next_period_ <= now) begin_period(now);
}

void Node::probe_fails(Instant now) {
  if (!probe_->helped) {
    probe_->helped = true;
    probe_->deadline = *next_period_;
    ++counters_.unanswered;
    for (const Address& helper : helpers_for(probe_->target)) {
      send(helper, {.kind = Kind::kAskOther, .number = probe_->number, .target = probe_->target});
    }
    return;
  }
  Member& member = members_.at(probe_->target);
  probe_.reset();
  if (member.state != State::kAlive) return;
  ++counters_.suspicions;
  set(now, member, State::kSuspect, member.incarnation);
}

void Node::begin_period(Instant now) {
  next_period_ = saturating_add(std::max(*next_period_, now), options_.period);
  if (!joined_) send(*options_.contact, {.kind = Kind::kJoin, .number = join_number_});
  if (const auto target = next_of(to_ping_, [](State state) { return state != State::kDead; })) {
    ++counters_.pings;
    probe_ = {*target, ++last_number_, saturating_add(now, options_.answer_time)};
    send(*target, {.kind = Kind::kPing, .number = probe_->number});
  }
  if (const auto dead = next_of(to_revive_, [](State state) { return state == State::kDead; })) {
    send(*dead, {.kind = Kind::kPing, .number = ++last_number_});
  }
}

template <typename Has>
std::optional<Address> Node::next_of(std::vector<Address>& order, Has has) {
  for (const bool is_new : {false, true}) {
    if (is_new) {
      order.clear();
      for (const auto& [address, member] : members_) order.push_back(address);
      shuffle(order);
    }
    while (!order.empty()) {
      const Address address = order.back();
      order.pop_back();
      if (has(members_.at(address).state)) return address;
    }
  }
  return std::nullopt;
}

std::vector<Address> Node::helpers_for(const Address& target) {
  std::vector<Address> helpers;
  for (const auto& [address, member] : members_) {
    if (member.state == State::kAlive && address != target) helpers.push_back(address);
  }
  shuffle(helpers);
  helpers.resize(std::min(helpers.size(), options_.helpers));
  return helpers;
}

void Node::shuffle(std::vector<Address>& addresses) {
  for (std::size_t i = addresses.size(); i > 1; --i) {
    std::swap(addresses[i - 1], addresses[uniform_below(draws_.at(++drawn_), i)]);
  }
}

void Node::send(const Address& destination, Message message) {
  if (letters_.size() == kLettersMax) {
    ++counters_.too_many;
    return;
  }
  letters_.push_back({destination, std::move(message)});
}

std::vector<Rumour> Node::rumours_for(const Address& destination) {
  std::vector<Rumour> rumours;
  const auto tell = [&](const Address& address, Member& member) {
    if (rumours.size() == kRumoursMax) return;
    rumours.push_back({address, member.state, member.incarnation});
    if (member.tellings_left > 0) --member.tellings_left;
  };
  const auto there = members_.find(destination);
  if (there != members_.end() && there->second.state != State::kAlive)
    tell(destination, there->second);

  std::vector<std::pair<std::uint64_t, Address>> news;
  for (const auto& [address, member] : members_) {
    if (member.tellings_left > 0 && address != destination)
      news.emplace_back(member.heard, address);
  }
  std::ranges::sort(news, std::greater());
  for (const auto& [heard, address] : news) tell(address, members_.at(address));
  const auto is_told = [&](const Address& address) {
    return address == destination ||
           std::ranges::find(rumours, address, &Rumour::member) != rumours.end();
  };
  // The others, one after the other, from behind the one that was told last.
  auto next = members_.upper_bound(told_last_);
  for (std::size_t i = 0; i < members_.size() && rumours.size() < kRumoursMax; ++i, ++next) {
    if (next == members_.end()) next = members_.begin();
    if (is_told(next->first)) continue;
    told_last_ = next->first;
    tell(next->first, next->second);
  }
  return rumours;
}

std::optional<Transmit> Node::poll_transmit(Instant now, std::span<std::byte> buffer) {
  if (!is_begun_) begin(now);
  if (letters_.empty()) return std::nullopt;
  Letter letter = std::move(letters_.front());
  letters_.pop_front();
  letter.message.incarnation = incarnation_;
  letter.message.rumours = rumours_for(letter.destination);
  ++counters_.sent;
  return Transmit{.destination = letter.destination,
                  .size = write(letter.message, buffer),
                  .source = options_.self};
}

std::optional<Instant> Node::poll_timeout() const {
  if (!is_begun_ || rests_) return std::nullopt;
  Instant next = *next_period_;
  if (probe_) next = std::min(next, probe_->deadline);
  for (const auto& [address, member] : members_) next = std::min(next, member.suspected_until);
  if (next >= options_.rests_at) return std::nullopt;
  return next;
}

std::optional<std::uint32_t> Node::incarnation_of(const Address& member) const {
  const auto found = members_.find(member);
  return found == members_.end() ? std::nullopt : std::optional(found->second.incarnation);
}

std::vector<Address> Node::members() const {
  std::vector<Address> members{options_.self};
  for (const auto& [address, member] : members_) {
    if (member.state != State::kDead) members.push_back(address);
  }
  std::ranges::sort(members);
  return members;
}

}  // namespace lossy::membership
