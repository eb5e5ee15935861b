#include <lossy/harness/capture/replay_client.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

#include <lossy/core/check.hpp>
#include <lossy/harness/capture/payload_bytes.hpp>

namespace lossy {
namespace {

using Bytes = std::span<const std::byte>;

__extension__ typedef unsigned __int128 u128;

// For a divisor of at least 1. What no Duration can hold is the longest one.
Duration scaled(std::uint64_t value, std::uint64_t factor, std::uint64_t divisor) {
  const u128 result = u128{value} * factor / divisor;
  const auto most = static_cast<u128>(Duration::max().count());
  return Duration(static_cast<Duration::rep>(std::min(result, most)));
}

}  // namespace

std::string_view to_string(AnswerVerdict verdict) {
  switch (verdict) {
    case AnswerVerdict::kMatched:
      return "matched";
    case AnswerVerdict::kLate:
      return "late";
    case AnswerVerdict::kUnexpected:
      return "unexpected";
    case AnswerVerdict::kMissing:
      return "missing";
    case AnswerVerdict::kDifferent:
      break;
  }
  return "different";
}

ReplayTiming ReplayTiming::captured(std::uint64_t speed_thousandths) {
  check(speed_thousandths > 0, "ReplayTiming: the speed is 0");
  ReplayTiming timing;
  timing.speed_thousandths_ = speed_thousandths;
  return timing;
}

ReplayTiming ReplayTiming::paced(std::uint64_t requests, Duration time) {
  check(requests > 0 && time > Duration::zero(), "ReplayTiming: the pace is 0");
  ReplayTiming timing;
  timing.pace_requests_ = requests;
  timing.pace_ns_ = static_cast<std::uint64_t>(time.count());
  return timing;
}

ReplayTiming ReplayTiming::top_speed() {
  return {};
}

Duration ReplayTiming::due(const RecordedStep& request) const {
  if (speed_thousandths_ > 0) {
    return scaled(static_cast<std::uint64_t>(request.at.count()), 1000, speed_thousandths_);
  }
  if (pace_requests_ > 0) return scaled(request.number, pace_ns_, pace_requests_);
  return Duration::zero();
}

AnswerVerdict ReplayOutcome::verdict() const {
  if (different > 0) return AnswerVerdict::kDifferent;
  if (missing > 0) return AnswerVerdict::kMissing;
  if (unexpected > 0) return AnswerVerdict::kUnexpected;
  return late > 0 ? AnswerVerdict::kLate : AnswerVerdict::kMatched;
}

ReplayClient::ReplayClient(const RecordedFlow& flow, const ReplayClientOptions& options,
                           Instant start)
    : steps_(flow.steps),
      options_(options),
      start_(start),
      asked_(start),
      active_(start),
      time_over_(start) {
  check(!steps_.empty() && steps_.front().is_request && steps_.size() < kNone,
        "ReplayClient: the flow begins with no request");
  expected_.reserve(flow.answers);
  std::uint32_t request = 0;
  for (std::uint32_t step = 0; step < steps_.size(); ++step) {
    if (steps_[step].is_request) {
      request = step;
    } else {
      expected_.push_back({.step = step, .behind = request});
    }
  }
}

void ReplayClient::handle_datagram(Instant now, const Datagram& datagram) {
  if (ended_) return;
  if (datagram.source != options_.server) return take_stray(now, datagram, false);
  refused_ = false;
  in_vain_ = 0;
  const std::uint32_t found = find(datagram.payload);
  if (found == kNone) return take_stray(now, datagram, true);
  match(found, now);
}

void ReplayClient::handle_refusal(Instant now, const Address&) {
  if (ended_) return;
  ++counted_.refusals;
  refused_ = true;
  waited_for_ = 0;
  waited_from_ = due_;
  active_ = now;
}

void ReplayClient::handle_timeout(Instant now) {
  if (next_ == steps_.size() && end() <= now) ended_ = true;
}

std::optional<Transmit> ReplayClient::poll_transmit(Instant now, std::span<std::byte> buffer) {
  while (!ended_ && next_ < steps_.size()) {
    const RecordedStep& step = steps_[next_];
    if (!step.is_request) {
      make_due(now);
      ++next_;
      continue;
    }
    if (waits(now) || saturating_add(start_, options_.timing.due(step)) > now) break;
    if (!step.payload.empty()) {
      std::memcpy(buffer.data(), step.payload.data(), step.payload.size());
    }
    asked_ = active_ = now;
    ++counted_.sent;
    ++next_;
    return Transmit{options_.server, step.payload.size()};
  }
  return std::nullopt;
}

std::optional<Instant> ReplayClient::poll_timeout() const {
  if (ended_) return std::nullopt;
  if (next_ == steps_.size()) return end();
  if (!steps_[next_].is_request) return active_;
  const Instant due = saturating_add(start_, options_.timing.due(steps_[next_]));
  const bool waiting = options_.wait && waited_for_ > 0 && !listens_in_vain();
  return waiting ? std::max(due, wait_until_) : due;
}

// Whether the next request must wait. When it has waited for long enough, it is for nothing.
bool ReplayClient::waits(Instant now) {
  if (!options_.wait || waited_for_ == 0 || listens_in_vain()) return false;
  if (now < wait_until_) return true;
  ++in_vain_;
  waited_for_ = 0;
  waited_from_ = due_;
  return false;
}

void ReplayClient::make_due(Instant now) {
  const std::uint32_t index = due_++;
  Expected& expected = expected_[index];
  ++counted_.expected;
  if (expected.state != State::kNotDue) return;  // It came early.
  expected.state = State::kDue;
  expected.asked = asked_;
  expected.before = last_due_;
  (last_due_ == kNone ? first_due_ : expected_[last_due_].after) = index;
  last_due_ = index;
  ++unmatched_;
  if (waited_for_++ == 0) wait_until_ = now;
  wait_until_ = std::max(wait_until_, time_over(expected));
  time_over_ = std::max(time_over_, time_over(expected));
}

void ReplayClient::end_due(std::uint32_t index) {
  const Expected& expected = expected_[index];
  (expected.before == kNone ? first_due_ : expected_[expected.before].after) = expected.after;
  (expected.after == kNone ? last_due_ : expected_[expected.after].before) = expected.before;
  if (index >= waited_from_) --waited_for_;
}

Instant ReplayClient::time_over(const Expected& expected) const {
  const Duration took = steps_[expected.step].at - steps_[expected.behind].at;
  return saturating_add(saturating_add(expected.asked, took), options_.timeout);
}

Instant ReplayClient::end() const {
  if (unmatched_ == 0 || refused_) return saturating_add(active_, options_.linger);
  const bool all_replaced = first_due_ == kNone;
  return all_replaced ? time_over_ : saturating_add(time_over_, options_.timeout);
}

Bytes ReplayClient::kept(std::uint32_t expected) {
  const Bytes payload = steps_[expected_[expected].step].payload;
  return options_.mask == nullptr ? payload : options_.mask->kept(payload, kept_expected_);
}

// Of the same ones the first that has not come. While they come in order that is the first due one.
std::uint32_t ReplayClient::find(Bytes payload) {
  const Bytes wanted = options_.mask == nullptr ? payload : options_.mask->kept(payload, kept_);
  if (first_due_ != kNone && same_bytes(kept(first_due_), wanted)) return first_due_;
  if (!indexed_) index();
  const auto found = by_hash_.find(hash_of_bytes(wanted));
  if (found == by_hash_.end()) return kNone;
  std::uint32_t& first = found->second;
  const auto has_come = [&](std::uint32_t at) { return expected_[at].state >= State::kMatched; };
  while (first != kNone && has_come(first)) first = expected_[first].alike;
  std::uint32_t at = first;
  while (at != kNone && (has_come(at) || !same_bytes(kept(at), wanted))) at = expected_[at].alike;
  return at;
}

void ReplayClient::index() {
  indexed_ = true;
  by_hash_.reserve(expected_.size());
  for (auto i = static_cast<std::uint32_t>(expected_.size()); i-- > 0;) {
    const auto [place, is_new] = by_hash_.try_emplace(hash_of_bytes(kept(i)), i);
    if (is_new) continue;
    expected_[i].alike = place->second;
    place->second = i;
  }
}

void ReplayClient::match(std::uint32_t index, Instant now) {
  Expected& expected = expected_[index];
  active_ = now;
  const State before = std::exchange(expected.state, State::kMatched);
  if (before != State::kNotDue) {
    --unmatched_;
    if (time_over(expected) < now) {
      expected.state = State::kLate;
      add_finding(late_, AnswerVerdict::kLate, expected, saturating_between(expected.asked, now));
    }
  }
  if (before == State::kDue) end_due(index);
  if (before == State::kReplaced) {
    // What came in its place was something else.
    const std::uint32_t stray = std::exchange(expected.stray, kNone);
    ++counted_.unexpected;
    if (stray != kNone) strays_[stray].in_place = false;
    place(stray, stray == kNone ? Bytes() : strays_[stray].payload);
  }
  if (highest_matched_ == kNone || highest_matched_ < index) {
    highest_matched_ = index;
  } else if (options_.ordered) {
    expected.overtaken = highest_matched_;
  }
}

void ReplayClient::take_stray(Instant now, const Datagram& datagram, bool may_be_answer) {
  std::uint32_t stray = kNone;
  if (strays_.size() < kFindingsMax) {
    stray = static_cast<std::uint32_t>(strays_.size());
    strays_.push_back(
        {now, datagram.source, {datagram.payload.begin(), datagram.payload.end()}, false});
  }
  ++counted_.unexpected;
  if (may_be_answer) place(stray, datagram.payload);
}

void ReplayClient::place(std::uint32_t stray, Bytes payload) {
  std::uint32_t best = kNone;
  std::size_t most = 0;
  std::size_t candidates = 0;
  for (std::uint32_t at = first_due_; at != kNone && candidates < kCandidatesMax;
       at = expected_[at].after, ++candidates) {
    const Bytes other = steps_[expected_[at].step].payload;
    const std::size_t size = std::min({other.size(), payload.size(), kAlikeBytes});
    std::size_t alike = 0;
    for (std::size_t i = 0; i < size; ++i) alike += other[i] == payload[i] ? 1 : 0;
    if (best != kNone && alike <= most) continue;
    best = at;
    most = alike;
  }
  if (best == kNone) return;
  end_due(best);
  expected_[best].state = State::kReplaced;
  expected_[best].stray = stray;
  if (stray != kNone) strays_[stray].in_place = true;
  --counted_.unexpected;
}

void ReplayClient::add_finding(std::vector<ReplayFinding>& findings, AnswerVerdict verdict,
                               const Expected& expected, Duration after) const {
  if (findings.size() == kFindingsMax) return;
  ReplayFinding finding{.verdict = verdict, .expected = &steps_[expected.step], .after = after};
  if (expected.overtaken != kNone) {
    finding.overtaken = &steps_[expected_[expected.overtaken].step];
  }
  if (expected.stray != kNone) {
    const Stray& stray = strays_[expected.stray];
    finding.has_actual = true;
    finding.source = stray.source;
    finding.payload = stray.payload;
    finding.after = saturating_between(expected.asked, stray.at);
  }
  findings.push_back(std::move(finding));
}

ReplayOutcome ReplayClient::outcome() const {
  ReplayOutcome outcome = counted_;
  for (std::uint32_t i = 0; i < due_; ++i) {
    const Expected& expected = expected_[i];
    switch (expected.state) {
      case State::kNotDue:
        break;  // It came early: see below.
      case State::kDue:
        ++outcome.missing;
        add_finding(outcome.findings, AnswerVerdict::kMissing, expected);
        break;
      case State::kReplaced:
        ++outcome.different;
        add_finding(outcome.findings, AnswerVerdict::kDifferent, expected);
        break;
      case State::kLate:
        ++outcome.late;
        break;
      case State::kMatched:
        if (expected.overtaken == kNone) {
          ++outcome.matched;
        } else {
          ++outcome.different;
          add_finding(outcome.findings, AnswerVerdict::kDifferent, expected);
        }
        break;
    }
  }
  if (options_.ignore_unexpected) outcome.unexpected = 0;
  for (const Stray& stray : strays_) {
    if (outcome.unexpected == 0 || outcome.findings.size() == kFindingsMax) break;
    if (stray.in_place) continue;
    outcome.findings.push_back({.verdict = AnswerVerdict::kUnexpected,
                                .has_actual = true,
                                .source = stray.source,
                                .payload = stray.payload,
                                .after = saturating_between(start_, stray.at)});
  }
  for (const ReplayFinding& finding : late_) {
    if (outcome.findings.size() < kFindingsMax) outcome.findings.push_back(finding);
  }
  return outcome;
}

}  // namespace lossy
