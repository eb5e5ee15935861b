// The network of a run in which somebody else decides what happens next: which of the datagrams
// that are on their way arrives, is lost, comes twice, changes places with another one or changes
// itself, and when time passes. It decides nothing, and is what a fuzzer's input and a search of
// all faults have in common.
//
// Time stands still but for its own methods. What is chosen by place counts from 0, in the order in
// which datagrams set out, and is taken modulo how many there are. A method that finds nothing to
// do gives false, and has done nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include <lossy/core/protocol.hpp>
#include <lossy/harness/sim/property_check.hpp>

namespace lossy {

class ControlledNetwork {
 public:
  static constexpr std::size_t kOnTheirWayMax = 256;  // More are lost, which is a fault.
  static constexpr Duration kHop = std::chrono::milliseconds(1);  // How long a delivery takes.

  struct Letter {
    std::size_t from = 0;  // The host.
    std::size_t to = 0;
    Address source;
    Address destination;
    std::vector<std::byte> payload;
  };

  // Makes the run of a plan, which has its addresses, and takes what its hosts want sent first.
  // The protocol must outlive it.
  ControlledNetwork(const Protocol& protocol, const RunPlan& plan,
                    Protocol::Listener listener = {});

  bool deliver(std::size_t place);
  bool lose(std::size_t place);
  bool duplicate(std::size_t place);  // The other one sets out last.
  bool swap(std::size_t place, std::size_t other);
  bool flip(std::size_t place, std::size_t bit);  // Modulo what there is.
  bool cut(std::size_t place, std::size_t bytes_kept);
  // Time passes until the earliest timeout, which happens; what is on its way stays there.
  bool time_out();
  // From now on nothing is lost and all is on time: until no datagram is on its way and no timer is
  // armed. False when that takes more than `steps_max` deliveries and timeouts, which no protocol
  // should, and when a property does not hold.
  bool settle(std::size_t steps_max);

  // The property that does not hold, from the first one on, or nothing.
  const Property* broken() const { return check_.broken(); }

  std::size_t hosts() const { return addresses_.size(); }
  const std::deque<Letter>& letters() const { return letters_; }
  const ProtocolRun& run() const { return *run_; }
  Instant now() const { return now_; }

 private:
  std::size_t place_of(std::size_t place) const { return place % letters_.size(); }
  void arrive(Letter letter);
  void drain(std::size_t host);
  std::optional<std::size_t> host_at(const Address& address) const;
  // Of all hosts the earliest, and whose it is.
  struct Timeout {
    Instant when;
    std::size_t host = 0;
  };
  std::optional<Timeout> next_timeout() const;
  void time_out(const Timeout& timeout);
  void fault() { check_.fault(now_); }

  std::vector<Address> addresses_;  // By network_address().
  std::unique_ptr<ProtocolRun> run_;
  PropertyCheck check_;
  std::deque<Letter> letters_;
  std::vector<std::byte> buffer_;
  Instant now_{};
};

}  // namespace lossy
