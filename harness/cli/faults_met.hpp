// Finds the listed faults whose datagrams were never sent, in whichever flow.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include <lossy/harness/link/fault_list.hpp>
#include <lossy/harness/link/observer.hpp>

namespace lossy {

class FaultsMet final : public Observer {
 public:
  // The list must outlive this.
  explicit FaultsMet(const FaultList& faults) : faults_(faults) {}

  void on_offered(Instant, const Passage& passage, const Offer& offer) override {
    if (passage.path >= faults_.last_flow()) return;
    std::vector<std::uint64_t>& offered = offered_[static_cast<std::size_t>(passage.direction)];
    if (offered.size() <= passage.path) offered.resize(passage.path + 1);
    offered[passage.path] = offer.number;
  }
  void on_delivered(Instant, const Passage&, const Delivery&) override {}

  // How many faults of one direction were for datagrams beyond those that their flows had.
  std::uint64_t missed(Direction direction) const {
    const std::vector<std::uint64_t>& offered = offered_[static_cast<std::size_t>(direction)];
    std::uint64_t missed = 0;
    for (std::size_t i = 0; i < faults_.size(direction); ++i) {
      const std::uint64_t path = faults_.flow(direction, i) - 1;
      if (path >= offered.size() || faults_.number(direction, i) > offered[path]) ++missed;
    }
    return missed;
  }

 private:
  const FaultList& faults_;
  std::array<std::vector<std::uint64_t>, 2> offered_;  // By direction and path.
};

}  // namespace lossy
