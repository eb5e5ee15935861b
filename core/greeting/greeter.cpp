#include <lossy/core/greeting/greeter.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

#include <lossy/core/check.hpp>

namespace lossy {

std::string_view Names::at(std::uint64_t i) {
  check(i < count_, "Names::at: no such name");
  if (!given_.empty()) return given_[static_cast<std::size_t>(i)];
  constexpr std::size_t kDigitsAt = std::string_view("guest-").size();
  const auto [end, error] =
      std::to_chars(made_up_.data() + kDigitsAt, made_up_.data() + made_up_.size(), i + 1);
  return {made_up_.data(), static_cast<std::size_t>(end - made_up_.data())};
}

Greeter::Greeter(const GreeterOptions& options, Names names, OnEvent on_event)
    : options_(options),
      client_(options.client),
      names_(std::move(names)),
      on_event_(std::move(on_event)) {
  check(!options.interval ||
            (*options.interval > Duration::zero() && *options.interval <= kDurationMax),
        "GreeterOptions: interval outside its range");
}

void Greeter::handle_datagram(Instant now, const Datagram& datagram) {
  client_.handle_datagram(now, datagram);
}

void Greeter::handle_timeout(Instant now) {
  client_.handle_timeout(now);
  ask(now);
}

std::optional<Transmit> Greeter::poll_transmit(Instant now, std::span<std::byte> buffer) {
  while (true) {
    if (const auto transmit = client_.poll_transmit(now, buffer)) return transmit;
    collect();
    // What has ended, or waits for its own name now, made room for more, which an unpaced
    // application asks for at once.
    const std::uint64_t asked_before = asked_;
    if (!options_.interval && asked_ > 0) ask(now);
    if (asked_ == asked_before) return std::nullopt;
  }
}

std::optional<Instant> Greeter::poll_timeout() const {
  const std::optional<Instant> mine = next_due();
  const std::optional<Instant> clients = client_.poll_timeout();
  if (!mine) return clients;
  if (!clients) return mine;
  return std::min(*mine, *clients);
}

std::optional<Instant> Greeter::next_due() const {
  if (asked_ == names_.size() || client_.pending() == Client::kRequestsMax) return std::nullopt;
  if (options_.interval) {
    // Where the product would overflow, the greeting is never due, and nothing is asked too early.
    Duration::rep after = 0;
    if (__builtin_mul_overflow(options_.interval->count(), asked_, &after)) return Instant::max();
    return saturating_add(options_.start, Duration(after));
  }
  if (asked_ > 0 && client_.window_left() == 0) return std::nullopt;
  return options_.start;
}

void Greeter::ask(Instant now) {
  for (auto due = next_due(); due && *due <= now; due = next_due()) {
    client_.greet(names_.at(asked_));
    ++asked_;
  }
}

void Greeter::collect() {
  while (const auto event = client_.poll_event()) {
    result_.attempts += static_cast<std::uint64_t>(event->attempts);
    if (event->kind == ClientEvent::Kind::kGreeted) {
      ++result_.greeted;
      if (event->attempts == 1) result_.rtt.add(event->elapsed);
    } else {
      ++result_.gave_up;
    }
    if (on_event_) on_event_(*event);
  }
}

}  // namespace lossy
