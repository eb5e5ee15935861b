#include <lossy/harness/report/page_ladder.hpp>

#include <algorithm>
#include <nlohmann/json.hpp>

#include <lossy/harness/report/page_columns.hpp>

namespace lossy {
namespace {

using Json = nlohmann::ordered_json;

// The column of one member of everything in a list.
template <typename List, typename Value>
std::string column(const List& list, Value value) {
  PageColumn packed;
  for (const auto& one : list) packed.add(static_cast<std::int64_t>(value(one)));
  return packed.text();
}

// Reasons are ours, and few; whoever makes them up as they go shares the last.
constexpr std::size_t kReasonsMax = 256;

}  // namespace

std::uint32_t PageLadder::flow(std::size_t key, Direction direction, const Address& source,
                               const Address& destination) {
  if (const auto found = flow_numbers_.find(key); found != flow_numbers_.end()) {
    return found->second;
  }
  if (arrows_.size() >= bounds_.arrows) return 0;  // None of its datagrams is kept.
  const bool up = direction == Direction::kUplink;
  flows_.push_back(
      {(up ? source : destination).to_string(), (up ? destination : source).to_string()});
  const auto number = static_cast<std::uint32_t>(flows_.size() - 1);
  flow_numbers_.emplace(key, number);
  return number;
}

std::size_t PageLadder::add(PageArrow arrow, std::span<const std::byte> payload) {
  ++seen_;
  if (arrows_.size() >= bounds_.arrows) return kNotKept;
  arrow.size = static_cast<std::uint32_t>(payload.size());
  arrow.payload = this->payload(payload);
  if (arrow.payload == 0) ++payloads_left_out_;
  arrows_.push_back(arrow);
  return arrows_.size() - 1;
}

void PageLadder::arrived_as(std::size_t place, std::span<const std::byte> payload) {
  const std::uint32_t got = this->payload(payload);
  if (got != arrows_[place].payload) arrows_[place].got = got;
}

void PageLadder::lose(std::size_t place, std::string_view why) {
  arrows_[place].traits |= kPageLost;
  arrows_[place].why = reason(why);
}

void PageLadder::end(const RunEvent& event, std::uint32_t flow) {
  ++ends_seen_;
  if (ends_.size() >= bounds_.arrows) return;
  ends_.push_back({event.ended, event.elapsed, static_cast<std::uint32_t>(event.attempts), flow,
                   payload(std::as_bytes(std::span(event.subject))), event.is_good});
}

std::uint32_t PageLadder::payload(std::span<const std::byte> bytes) {
  const auto kept = bytes.first(std::min(bytes.size(), bounds_.bytes_each));
  const std::string key(reinterpret_cast<const char*>(kept.data()), kept.size());
  if (const auto found = payload_numbers_.find(key); found != payload_numbers_.end()) {
    return found->second;
  }
  if (bytes_.size() + kept.size() > bounds_.payload_bytes) return 0;
  bytes_.insert(bytes_.end(), kept.begin(), kept.end());
  lengths_.push_back(kept.size());
  const auto number = static_cast<std::uint32_t>(lengths_.size());
  payload_numbers_.emplace(key, number);
  return number;
}

std::uint32_t PageLadder::reason(std::string_view why) {
  if (why.empty()) return 0;
  const auto found = std::find(reasons_.begin(), reasons_.end(), why);
  if (found != reasons_.end()) return static_cast<std::uint32_t>(found - reasons_.begin() + 1);
  if (reasons_.size() < kReasonsMax) reasons_.emplace_back(why);
  return static_cast<std::uint32_t>(reasons_.size());
}

void PageLadder::add_to(Json& run) const {
  Instant first = Instant::max();
  for (const PageArrow& arrow : arrows_) first = std::min(first, arrow.sent);
  const auto since = [first](Instant time) { return saturating_between(first, time).count(); };

  Json flows = Json::array();
  for (const Flow& flow : flows_)
    flows.push_back({{"client", flow.client}, {"server", flow.server}});
  run["flows"] = std::move(flows);
  const auto of = [this](auto member) {
    return column(arrows_, [member](const PageArrow& arrow) { return arrow.*member; });
  };
  run["arrows"] = {
      {"seen", seen_},
      {"kept", arrows_.size()},
      {"sent", column(arrows_, [&](const PageArrow& arrow) { return since(arrow.sent); })},
      {"delay", column(arrows_, [](const PageArrow& arrow) { return arrow.delay.count(); })},
      {"number", of(&PageArrow::number)},
      {"flow", of(&PageArrow::flow)},
      {"payload", of(&PageArrow::payload)},
      {"got", of(&PageArrow::got)},
      {"size", of(&PageArrow::size)},
      {"traits", of(&PageArrow::traits)},
      {"why", of(&PageArrow::why)}};
  run["payloads"] = {{"bytes_each", bounds_.bytes_each},
                     {"left_out", payloads_left_out_},
                     {"kept", lengths_.size()},
                     {"lengths", column(lengths_, [](std::size_t length) { return length; })},
                     {"bytes", base64(bytes_)}};
  run["reasons"] = reasons_;
  const auto of_end = [this](auto member) {
    return column(ends_, [member](const End& end) { return end.*member; });
  };
  run["ends"] = {{"seen", ends_seen_},
                 {"kept", ends_.size()},
                 {"time", column(ends_, [&](const End& end) { return since(end.time); })},
                 {"elapsed", column(ends_, [](const End& end) { return end.elapsed.count(); })},
                 {"attempts", of_end(&End::attempts)},
                 {"flow", of_end(&End::flow)},
                 {"name", of_end(&End::name)},
                 {"good", of_end(&End::is_good)}};
}

}  // namespace lossy
