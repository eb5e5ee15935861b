// Watches a capture being inspected, for a page: one that shows both hosts gives the way of each
// datagram, any other one when it was seen.
#pragma once

#include <array>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <unordered_map>
#include <vector>

#include <lossy/harness/capture/inspector.hpp>
#include <lossy/harness/report/inspect_report.hpp>
#include <lossy/harness/report/page_ladder.hpp>
#include <lossy/harness/report/page_requests.hpp>

namespace lossy {

class PageCapture {
 public:
  // Arrows of these records, by their numbers, are marked as where a replay differs.
  explicit PageCapture(const PageBounds& bounds, std::vector<std::uint64_t> different = {})
      : different_(std::move(different)), ladder_(bounds) {}

  void add(const CaptureRecord& record, const Sight& sight);
  // Once, when the records have ended.
  nlohmann::ordered_json run(const InspectReport& report);

 private:
  struct Way {
    std::unordered_map<std::uint32_t, std::size_t> sent;  // Places, by identification.
    std::size_t highest = 0;                              // Of what arrived: its place, plus one.
  };
  struct Flow {
    std::array<Way, 2> ways;
    PageRequests requests;
    std::uint32_t number = 0;
  };

  void add_sent(Flow& flow, PageArrow arrow, const Sight& sight, unsigned mark);
  void add_arrived(Flow& flow, PageArrow arrow, const Sight& sight, unsigned mark);
  void add_in_flight(const Sight& sight);

  std::vector<std::uint64_t> different_;
  PageLadder ladder_;
  std::unordered_map<std::uint64_t, Flow> flows_;
  ExchangeBudget exchange_budget_;
  Histogram response_times_;
};

}  // namespace lossy
