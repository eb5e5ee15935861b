// What the tests of the link share: fates as a test writes them down, and what arrives.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lossy/harness/link/fault_list.hpp>
#include <lossy/harness/link/link.hpp>
#include <lossy/harness/link/random_fates.hpp>

namespace lossy {

inline constexpr Duration kNever = kDurationMax;

inline std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

inline std::string text_of(std::span<const std::byte> payload) {
  return {reinterpret_cast<const char*>(payload.data()), payload.size()};
}

// A delivery with bytes of its own.
struct Arrival {
  std::uint64_t number = 0;
  std::size_t copy = 0;
  Duration at{};
  Delivery delivery;
  std::string payload;
};

// Fates as a test writes them down; nothing happens without any.
class WrittenFates final : public FateSource {
 public:
  explicit WrittenFates(const std::string& faults)
      : list_(FaultList::parse(faults.empty() ? "downlink.1:drop" : faults)),
        fates_(list_, Direction::kUplink) {}
  const Fate& decide(Instant now, std::uint64_t number, std::size_t payload_bytes) override {
    return fates_.decide(now, number, payload_bytes);
  }

 private:
  FaultList list_;
  ListedFates fates_;
};

inline Link make_link(const LinkOptions& options, const std::string& faults = "") {
  return Link(options, std::make_unique<WrittenFates>(faults));
}

inline Link make_link(const LinkOptions& options, const Impairments& impairments,
                      std::uint64_t seed = 4) {
  return Link(options, std::make_unique<RandomFates>(impairments, seed, Direction::kUplink));
}

inline Link make_planned_link(LinkPlan plan, const std::string& faults = "") {
  return Link(std::move(plan), std::make_unique<WrittenFates>(faults));
}

inline std::uint64_t lost_by(const Link& link, LossReason reason) {
  return link.counters().lost_by[static_cast<std::size_t>(reason)];
}

inline Offer offer(Link& link, Duration at, std::string_view payload = "hello") {
  return link.handle_datagram(Instant(at), bytes(payload));
}

// Everything that arrives until then, each copy at its own time.
inline std::vector<Arrival> arrivals(Link& link, Duration until = kNever) {
  std::vector<Arrival> all;
  for (auto next = link.poll_timeout(); next && *next <= Instant(until);
       next = link.poll_timeout()) {
    const std::optional<Delivery> delivery = link.poll_transmit(*next);
    if (!delivery || delivery->due != *next) {
      ADD_FAILURE() << "nothing arrives when poll_timeout() says so";
      break;
    }
    all.push_back({delivery->number, delivery->copy, next->time_since_epoch(), *delivery,
                   text_of(delivery->payload)});
  }
  return all;
}

inline std::vector<std::uint64_t> numbers(const std::vector<Arrival>& all) {
  std::vector<std::uint64_t> in_order;
  for (const Arrival& arrival : all) in_order.push_back(arrival.number);
  return in_order;
}

using Numbers = std::vector<std::uint64_t>;

}  // namespace lossy
