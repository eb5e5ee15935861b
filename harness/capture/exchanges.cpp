#include <lossy/harness/capture/exchanges.hpp>

#include <string.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <string_view>

namespace lossy {
namespace {

// Enough for a transaction's number to be one, and not a type or a length.
constexpr std::size_t kNumberedBytesMin = 12;

std::size_t hash_of(std::span<const std::byte> bytes) {
  return std::hash<std::string_view>()({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

// Of short ones a plain look at each place is faster than what memmem() prepares.
bool contains(std::span<const std::byte> whole, std::span<const std::byte> part) {
  constexpr std::size_t kShort = 64;
  if (part.size() > whole.size()) return false;
  if (whole.size() > kShort) {
    return ::memmem(whole.data(), whole.size(), part.data(), part.size()) != nullptr;
  }
  for (std::size_t at = 0; at + part.size() <= whole.size(); ++at) {
    if (whole[at] == part[0] && std::memcmp(&whole[at], part.data(), part.size()) == 0) return true;
  }
  return false;
}

}  // namespace

std::size_t bytes_repeated(std::span<const std::byte> answer, std::span<const std::byte> request) {
  if (!request.empty() && contains(answer, request)) return request.size();
  const bool numbered = std::min(request.size(), answer.size()) >= kNumberedBytesMin &&
                        request[0] == answer[0] && request[1] == answer[1];
  return numbered ? 2 : 0;
}

std::span<const std::byte> Exchanges::Request::known() const {
  return std::span(start).first(std::min(size, start.size()));
}

void Exchanges::request(std::span<const std::byte> payload, Instant time, ExchangeBudget& budget) {
  Request request{time, hash_of(payload), payload.size()};
  const auto is_same = [&](const Request& other) {
    return other.hash == request.hash && other.size == request.size;
  };
  if (std::any_of(waiting_.begin(), waiting_.end(), is_same)) {
    ++counters_.retransmitted;
    return;
  }
  ++counters_.requests;
  if (!make_room(budget)) {
    ++counters_.unfollowed;
    return;
  }
  std::copy_n(payload.begin(), std::min(payload.size(), kStartBytes), request.start.begin());
  waiting_.push_back(request);
}

bool Exchanges::make_room(ExchangeBudget& budget) {
  if (waiting_.size() < waiting_.capacity()) return true;
  const std::size_t size = std::max<std::size_t>(1, waiting_.size() * 2);
  if (size <= kWaitingMax && size - waiting_.size() <= budget.requests) {
    budget.requests -= size - waiting_.size();
    waiting_.reserve(size);
    return true;
  }
  if (waiting_.empty()) return false;
  waiting_.erase(waiting_.begin());
  ++counters_.unanswered;
  return true;
}

void Exchanges::answer(std::span<const std::byte> payload, Instant time,
                       Histogram& response_times) {
  const std::size_t hash = hash_of(payload);
  auto request = waiting_.end();
  std::size_t repeated = 0;
  for (auto waiting = waiting_.begin(); waiting != waiting_.end(); ++waiting) {
    if (waiting->known().size() <= repeated) continue;  // It could not repeat more of this one.
    const std::size_t of_this = bytes_repeated(payload, waiting->known());
    if (of_this <= repeated) continue;
    request = waiting;
    repeated = of_this;
  }
  const bool certain = request != waiting_.end();
  if (!certain) {
    const Answer* const before = earlier(hash, payload.size());
    if (before != nullptr && (before->certain || waiting_.empty())) {
      ++counters_.answered_twice;
      return;
    }
    if (waiting_.empty()) {
      ++counters_.unasked;
      return;
    }
    request = waiting_.end() - 1;
  }
  ++counters_.answered;
  // Where a clock went back nothing is known of how long it took.
  if (time >= request->time) response_times.add(saturating_between(request->time, time));
  waiting_.erase(request);
  answers_[answers_seen_++ % kAnswersKept] = {hash, payload.size(), certain};
}

const Exchanges::Answer* Exchanges::earlier(std::size_t hash, std::size_t size) const {
  const std::size_t kept = std::min(answers_seen_, kAnswersKept);
  for (std::size_t i = 0; i < kept; ++i) {
    if (answers_[i].hash == hash && answers_[i].size == size) return &answers_[i];
  }
  return nullptr;
}

void Exchanges::finish() {
  counters_.unanswered += waiting_.size();
  waiting_ = {};
}

}  // namespace lossy
