#include <lossy/harness/report/page_collector.hpp>

#include <algorithm>
#include <utility>

namespace lossy {
namespace {

unsigned traits_of(const CopyFate& copy) {
  return (copy.held_back ? kPageHeldBack : 0U) | (copy.early ? kPageEarly : 0U);
}

unsigned traits_of(const Delivery& delivery) {
  return (delivery.first_arrival ? 0U : kPageCopy) | (delivery.reordered ? kPageReordered : 0U) |
         (delivery.corrupted ? kPageCorrupted : 0U) | (delivery.truncated ? kPageTruncated : 0U);
}

}  // namespace

PageCollector::Flow* PageCollector::flow_of(const Passage& passage) {
  if (const auto found = flows_.find(passage.path); found != flows_.end()) return &found->second;
  return flows_.size() < kFlowsMax ? &flows_[passage.path] : nullptr;
}

std::size_t PageCollector::place_of(const Way& way, std::uint64_t number) {
  if (number < way.first_number || number - way.first_number >= way.places.size()) {
    return PageLadder::kNotKept;
  }
  return way.places[static_cast<std::size_t>(number - way.first_number)];
}

bool PageCollector::is_copy_of(std::size_t first, std::size_t place) {
  if (place >= ladder_.size()) return false;
  const PageArrow& one = ladder_.at(first);
  const PageArrow& other = ladder_.at(place);
  return one.number == other.number && one.flow == other.flow &&
         (one.traits & kPageDownlink) == (other.traits & kPageDownlink);
}

void PageCollector::on_offered(Instant now, const Passage& passage, const Offer& offer) {
  PageArrow arrow{.sent = now, .number = offer.number};
  if (passage.direction == Direction::kDownlink) arrow.traits |= kPageDownlink;
  Flow* const flow = flow_of(passage);
  if (flow != nullptr && passage.direction == Direction::kUplink &&
      flow->requests.request(passage.payload, now, ends_ == Ends::kTold, exchange_budget_)) {
    arrow.traits |= kPageRetransmission;
  }
  arrow.flow = ladder_.flow(passage.path, passage.direction, passage.source, passage.destination);
  const auto copies = offer.fate->copies();
  std::size_t first = PageLadder::kNotKept;
  for (std::size_t i = 0; i < std::max<std::size_t>(1, copies.size()); ++i) {
    PageArrow one = arrow;
    one.traits |= (i < copies.size() ? traits_of(copies[i]) : 0U) | (i > 0 ? kPageCopy : 0U);
    const std::size_t place = ladder_.add(one, passage.payload);
    if (i == 0) first = place;
    if (place == PageLadder::kNotKept) continue;
    // Those that arrive after all were not among the lost ones.
    if (offer.copies_in_flight < std::max<std::size_t>(1, copies.size())) {
      ladder_.lose(place, to_string(offer.loss));
    } else {
      ladder_.at(place).traits |= kPageUnderway;
    }
  }
  if (flow == nullptr) return;
  Way& way = way_of(*flow, passage);
  way.tracker.sent(static_cast<std::uint32_t>(offer.number), now, metrics(passage.direction),
                   path_budget_);
  if (first == PageLadder::kNotKept) return;
  if (way.places.empty()) way.first_number = offer.number;
  way.places.push_back(first);
}

void PageCollector::on_delivered(Instant now, const Passage& passage, const Delivery& delivery) {
  Flow* const flow = flow_of(passage);
  if (flow == nullptr) return;
  Way& way = way_of(*flow, passage);
  way.tracker.arrived(static_cast<std::uint32_t>(delivery.number), now, metrics(passage.direction),
                      path_budget_);
  if (passage.direction == Direction::kDownlink && ends_ == Ends::kSeen) {
    flow->requests.answer(passage.payload, now, result_.response_times);
  }
  const std::size_t first = place_of(way, delivery.number);
  if (first == PageLadder::kNotKept) return;
  std::size_t place = first + delivery.copy;
  if (!is_copy_of(first, place)) {  // One that nobody knew of when the datagram set out.
    PageArrow copy = ladder_.at(first);
    copy.traits &= unsigned{kPageDownlink | kPageRetransmission};
    place = ladder_.add(copy, passage.payload);
    if (place == PageLadder::kNotKept) return;
  }
  PageArrow& arrow = ladder_.at(place);
  arrow.traits &= ~unsigned{kPageLost | kPageUnderway | kPageCopy};
  arrow.traits |= traits_of(delivery);
  arrow.why = 0;
  arrow.delay = now - arrow.sent;
  if (delivery.corrupted || delivery.truncated) ladder_.arrived_as(place, passage.payload);
}

void PageCollector::on_in_flight(Instant, const Passage& passage, std::uint64_t number) {
  Flow* const flow = flow_of(passage);
  if (flow != nullptr) {
    way_of(*flow, passage).tracker.in_flight(static_cast<std::uint32_t>(number));
  }
}

void PageCollector::on_lost(Instant now, const Passage& passage, std::uint64_t number,
                            std::string_view why) {
  Flow* const flow = flow_of(passage);
  if (flow == nullptr) return;
  const std::size_t first = place_of(way_of(*flow, passage), number);
  for (std::size_t place = first; is_copy_of(first, place); ++place) {
    PageArrow& arrow = ladder_.at(place);
    if ((arrow.traits & kPageUnderway) == 0) continue;
    arrow.traits &= ~unsigned{kPageUnderway};
    arrow.delay = now - arrow.sent;
    ladder_.lose(place, why);
    return;
  }
}

void PageCollector::on_event(const RunEvent& event) {
  if (flows_.empty()) return;
  flows_.begin()->second.requests.end(event.request);
  ladder_.end(event);
}

PageCollector::Result PageCollector::finish() {
  for (auto& [path, flow] : flows_) {
    flow.ways[0].tracker.finish(result_.uplink);
    flow.ways[1].tracker.finish(result_.downlink);
  }
  return std::move(result_);
}

}  // namespace lossy
