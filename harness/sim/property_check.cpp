#include <lossy/harness/sim/property_check.hpp>

#include <algorithm>

namespace lossy {
namespace {

// Whether anything but the delivery of one whole copy became of a datagram. (How late it is, is
// the path's delay.)
bool is_fault(const Offer& offer) {
  if (offer.copies_in_flight != 1 || offer.fate->copies_count != 1) return true;
  const CopyFate& copy = offer.fate->copy[0];
  return copy.held_back || copy.early || copy.flips_count > 0 ||
         copy.kept_bytes != CopyFate::kWhole;
}

}  // namespace

PropertyCheck::PropertyCheck(const std::vector<Property>& properties, const ProtocolRun& run)
    : properties_(properties), run_(run) {
  for (std::size_t i = 0; i < properties.size(); ++i) {
    switch (properties[i].when) {
      case Property::When::kAlways:
        always_.push_back(i);
        break;
      case Property::When::kAtRest:
        at_rest_.push_back(i);
        break;
      case Property::When::kEventually:
        eventually_.push_back(i);
        break;
      case Property::When::kSometimes:
        not_reached_.push_back(i);
        break;
    }
  }
}

std::vector<std::pair<std::string, bool>> PropertyCheck::reached() const {
  std::vector<std::pair<std::string, bool>> reached;
  for (std::size_t i = 0; i < properties_.size(); ++i) {
    if (properties_[i].when != Property::When::kSometimes) continue;
    const bool is_missing = std::ranges::find(not_reached_, i) != not_reached_.end();
    reached.emplace_back(properties_[i].name, !is_missing);
  }
  return reached;
}

bool PropertyCheck::holds_eventually(Instant now) {
  if (now < saturating_add(last_fault_, run_.settles_within())) return true;
  ++eventual_checks_;
  return hold(eventually_);
}

void PropertyCheck::on_offered(Instant now, const Passage& /*passage*/, const Offer& offer) {
  if (is_fault(offer)) on_fault(now);
}

void PropertyCheck::on_lost(Instant now, const Passage& /*passage*/, std::uint64_t /*number*/,
                            std::string_view /*why*/) {
  on_fault(now);
}

}  // namespace lossy
