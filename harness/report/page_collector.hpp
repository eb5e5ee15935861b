// Watches a run, live or simulated, for a page: where each datagram went, and the metrics of the
// RFCs.
#pragma once

#include <array>
#include <unordered_map>
#include <vector>

#include <lossy/harness/capture/path_metrics.hpp>
#include <lossy/harness/link/observer.hpp>
#include <lossy/harness/report/page_ladder.hpp>
#include <lossy/harness/report/page_requests.hpp>

namespace lossy {

class PageCollector final : public Observer {
 public:
  // Who says when a request has ended: the application, by on_event(), or what its answers look
  // like.
  enum class Ends : std::uint8_t { kTold, kSeen };

  explicit PageCollector(Ends ends, const PageBounds& bounds = {}) : ends_(ends), ladder_(bounds) {}

  void on_offered(Instant now, const Passage& passage, const Offer& offer) override;
  void on_delivered(Instant now, const Passage& passage, const Delivery& delivery) override;
  void on_in_flight(Instant now, const Passage& passage, std::uint64_t number) override;
  void on_lost(Instant now, const Passage& passage, std::uint64_t number,
               std::string_view why) override;
  void on_event(const RunEvent& event);

  // All that it knows of the run, once it is over: once.
  struct Result {
    PathMetrics uplink;
    PathMetrics downlink;
    Histogram response_times;  // Of Ends::kSeen.
  };
  Result finish();
  PageLadder& ladder() { return ladder_; }

 private:
  // Arrows of one direction of one flow: where the datagrams begin, by their numbers.
  struct Way {
    std::vector<std::size_t> places;
    std::uint64_t first_number = 0;
    PathTracker tracker;
  };
  struct Flow {
    std::array<Way, 2> ways;
    PageRequests requests;
  };
  static constexpr std::size_t kFlowsMax = std::size_t{1} << 16;

  Flow* flow_of(const Passage& passage);
  PathMetrics& metrics(Direction direction) {
    return direction == Direction::kUplink ? result_.uplink : result_.downlink;
  }
  static Way& way_of(Flow& flow, const Passage& passage) {
    return flow.ways[passage.direction == Direction::kUplink ? 0 : 1];
  }
  // Where the first copy of a datagram is, or PageLadder::kNotKept.
  static std::size_t place_of(const Way& way, std::uint64_t number);
  // Whether an arrow is of the same datagram as the first of it.
  bool is_copy_of(std::size_t first, std::size_t place);

  Ends ends_;
  PageLadder ladder_;
  std::unordered_map<std::size_t, Flow> flows_;
  PathBudget path_budget_;
  ExchangeBudget exchange_budget_;
  Result result_;
};

}  // namespace lossy
