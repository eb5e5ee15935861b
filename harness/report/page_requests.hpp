// Which requests were sent before and still wait for their answer.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>

#include <lossy/core/histogram.hpp>
#include <lossy/harness/capture/exchanges.hpp>

namespace lossy {

// Of one flow. Requests end when somebody says so, or, as long as nobody did, when an answer comes
// that fits (see Exchanges).
class PageRequests {
 public:
  // Whether it is a retransmission.
  bool request(std::span<const std::byte> payload, Instant now, bool told, ExchangeBudget& budget) {
    if (told) return !waiting_.emplace(text_of(payload)).second;
    const std::uint64_t before = exchanges_.counters().retransmitted;
    exchanges_.request(payload, now, budget);
    return exchanges_.counters().retransmitted > before;
  }
  void answer(std::span<const std::byte> payload, Instant now, Histogram& response_times) {
    exchanges_.answer(payload, now, response_times);
  }
  void end(std::string_view name) { waiting_.erase(std::string(name)); }

 private:
  static std::string text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  std::unordered_set<std::string> waiting_;
  Exchanges exchanges_;
};

}  // namespace lossy
