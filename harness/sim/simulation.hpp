// Endpoints joined by links, in virtual time.
//
// 1. Events happen in the order of their times. At equal times deliveries come before timeouts; of
//    several deliveries, and of several timeouts, the link, and the endpoint, added first comes
//    first.
// 2. Virtual time starts at Instant{} and moves from event to event: nothing waits, nothing is
//    random.
// 3. The same endpoints, links and calls give the same run, event by event.
// 4. Memory is bounded by what is in flight, and a run by its deadline and by a number of events.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/endpoint.hpp"
#include "harness/link/direction.hpp"
#include "harness/link/earliest.hpp"
#include "harness/link/link.hpp"
#include "harness/link/observer.hpp"

namespace lossy {

// Why a run ended.
enum class RunEnd : std::uint8_t {
  kPredicate,  // What was waited for is there.
  kIdle,       // Nothing is in flight, and no endpoint waits for anything.
  kDeadline,   // The next event lies behind the deadline.
  kEvents,     // The bound on events was reached: something keeps itself busy.
};

class Simulation {
 public:
  struct Options {
    // Deliveries and timeouts of one run, at most.
    std::uint64_t events_max = 1'000'000'000;
    // Datagrams that an endpoint may send at one event, at most. One that sends more is broken, and
    // the run ends with RunEnd::kEvents.
    std::uint64_t burst_max = 4'000'000;
  };

  Simulation() : Simulation(Options{}) {}
  explicit Simulation(const Options& options);

  // Adds an endpoint, which must outlive the simulation. Each has an address of its own.
  void add(Endpoint& endpoint, const Address& address);

  // Joins two endpoints that were added. Datagrams between others have no way to go, and are
  // counted.
  void connect(const Address& client, const Address& server, Link uplink, Link downlink);

  // Observers are told in the order they were added, and must outlive the simulation.
  void observe(Observer& observer) { observers_.push_back(&observer); }

  // Runs until done() holds, asked before the first and after each event, or until one of the other
  // ends. Events at the deadline still happen. The virtual time is that of the last event.
  template <typename Done>
  RunEnd run_until(Done&& done, Instant deadline) {
    start();
    for (std::uint64_t left = options_.events_max; !done(); --left) {
      if (overrun_) return RunEnd::kEvents;
      if (sources_.when() == Instant::max()) return RunEnd::kIdle;
      if (sources_.when() > deadline) return RunEnd::kDeadline;
      if (left == 0) return RunEnd::kEvents;
      step();
    }
    return RunEnd::kPredicate;
  }

  // Tells the observers what is in flight now, for whoever ends it all.
  void tell_in_flight();

  Instant now() const { return now_; }
  // Deliveries and timeouts so far.
  std::uint64_t events() const { return events_; }
  // Datagrams sent to an address to which there is no path.
  std::uint64_t unroutable() const { return unroutable_; }
  // One link of the path that the n-th connect() made, from 0.
  const Link& link(std::size_t path, Direction direction) const;

 private:
  struct Node {
    Endpoint* endpoint = nullptr;
    Address address;
    std::unordered_map<Address, std::size_t> ways{};  // Away from here, by destination.
    std::optional<std::size_t> last_way{};            // Most datagrams go where the last one went.
  };
  struct Way {
    Link link;
    Direction direction;
    std::size_t from = 0;
    std::size_t to = 0;
  };

  std::size_t node_at(const Address& address) const;
  void add_way(std::size_t from, std::size_t to, Direction direction, Link link);
  void start();
  void step();
  void deliver(std::size_t way);
  // The way from a node to an address, or none when nothing joins them.
  std::optional<std::size_t> find_way(Node& node, const Address& destination) const;
  // Takes everything that the node wants sent, then asks for its next timeout.
  void drain(std::size_t node);
  void offer(Node& node, const Transmit& transmit);
  // What is told to observers of a datagram on a way.
  Passage passage(std::size_t way, std::span<const std::byte> payload) const;
  // As much of the buffer as IP carries from there.
  std::span<std::byte> buffer_of(const Node& node);

  Options options_;
  std::vector<Node> nodes_;
  std::vector<Way> ways_;  // Uplink and downlink of each path, one after the other.
  std::vector<Observer*> observers_;
  std::vector<std::byte> buffer_;
  // When each link and then each node has its next event; see the order above.
  Earliest sources_{0};
  Instant now_{};
  std::uint64_t events_ = 0;
  std::uint64_t unroutable_ = 0;
  bool overrun_ = false;
};

}  // namespace lossy
