// Holds a run against properties, those of its protocol.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <lossy/core/protocol.hpp>
#include <lossy/harness/link/observer.hpp>

namespace lossy {

// It observes the run's network, so that it knows when that was perfect.
class PropertyCheck final : public Observer {
 public:
  // Both must outlive it.
  PropertyCheck(const std::vector<Property>& properties, const ProtocolRun& run);

  // After each event; and when nothing is in flight and no timer is armed. False from the first
  // property on that does not hold.
  bool holds(Instant now) {
    if (!not_reached_.empty()) look_what_is_reached();
    return hold(always_) && (eventually_.empty() || holds_eventually(now));
  }
  bool holds_at_rest(Instant now) { return holds(now) && hold(at_rest_); }
  // Those that are to hold sometimes, by name, and whether they did.
  std::vector<std::pair<std::string, bool>> reached() const;
  // The one that does not hold, or nothing.
  const Property* broken() const { return broken_; }
  // Whether it needs to observe.
  bool is_observer() const { return !eventually_.empty(); }
  // Whether there is one that must hold eventually, and the network was never perfect for so long.
  bool waits_in_vain() const { return !eventually_.empty() && eventual_checks_ == 0; }

  void on_offered(Instant now, const Passage& passage, const Offer& offer) override;
  void on_lost(Instant now, const Passage& passage, std::uint64_t number,
               std::string_view why) override;
  void on_fault(Instant now) override { last_fault_ = now; }

 private:
  bool hold(const std::vector<std::size_t>& properties) {
    for (const std::size_t property : properties) {
      if (broken_ == nullptr && !run_.holds(property)) [[unlikely]] {
        broken_ = &properties_[property];
      }
    }
    return broken_ == nullptr;
  }
  bool holds_eventually(Instant now);
  void look_what_is_reached() {
    std::erase_if(not_reached_, [this](std::size_t property) { return run_.holds(property); });
  }

  const std::vector<Property>& properties_;
  const ProtocolRun& run_;
  std::vector<std::size_t> always_;
  std::vector<std::size_t> at_rest_;
  std::vector<std::size_t> eventually_;
  std::vector<std::size_t> not_reached_;
  std::uint64_t eventual_checks_ = 0;
  Instant last_fault_{};
  const Property* broken_ = nullptr;
};

}  // namespace lossy
