// Who watches what links do to datagrams: a ladder, a recording, a list of faults. The simulator
// and the proxy tell them the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <lossy/core/address.hpp>
#include <lossy/core/clock.hpp>
#include <lossy/harness/link/direction.hpp>
#include <lossy/harness/link/link.hpp>

namespace lossy {

// A datagram on its way. Its addresses are those that are seen where it is seen: a proxy, as a NAT,
// has others behind it than before it.
struct Passage {
  std::size_t path = 0;  // Which connect() made the link, or which of a proxy's flows, from 0.
  Direction direction = Direction::kUplink;
  Address source;
  Address destination;
  std::span<const std::byte> payload;  // As sent, or as it arrives. Valid during the call.
};

// Sees everything that happens to datagrams. It must not change endpoints or links.
class Observer {
 public:
  virtual ~Observer() = default;
  // A datagram was offered to a link, which lost it or keeps copies in flight.
  virtual void on_offered(Instant /*now*/, const Passage&, const Offer&) {}
  // A copy arrived, and is handed on next.
  virtual void on_delivered(Instant /*now*/, const Passage&, const Delivery&) {}
  // It all ends, and no copy of a datagram that was offered has arrived, nor was the last one lost.
  virtual void on_in_flight(Instant /*now*/, const Passage&, std::uint64_t /*number*/) {}
  // A copy that set out is lost on its way, which only a network without links does: theirs decide
  // at once.
  virtual void on_lost(Instant /*now*/, const Passage&, std::uint64_t /*number*/,
                       std::string_view /*why*/) {}
  // Something else befell what is on its way: it changed, came twice, or not in its turn. Only such
  // a network tells it.
  virtual void on_fault(Instant /*now*/) {}
};

}  // namespace lossy
