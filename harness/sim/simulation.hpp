// Hosts joined by links, in virtual time.
//
// 1. Events happen in the order of their times. At equal times what was asked for with at() comes
//    first, in the order asked; then deliveries, then timeouts: of several, the link, and the host,
//    added first comes first.
// 2. Virtual time starts at Instant{} and moves from event to event: nothing waits, nothing is
//    random.
// 3. The same hosts, links and calls give the same run, event by event.
// 4. Memory is bounded by what is in flight and by how many pairs of addresses ever talked, and a
//    run by its deadline and by a number of events.
// 5. Everything but run_until() may be called from within a run, by endpoints and by what at()
//    calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <lossy/core/endpoint.hpp>
#include <lossy/harness/link/earliest.hpp>
#include <lossy/harness/link/link.hpp>
#include <lossy/harness/link/observer.hpp>
#include <lossy/harness/sim/host.hpp>
#include <lossy/harness/sim/network.hpp>

namespace lossy {

// Why a run ended.
enum class RunEnd : std::uint8_t {
  kPredicate,  // What was waited for is there.
  kIdle,       // Nothing is in flight or asked for, and no endpoint waits for anything.
  kDeadline,   // The next event lies behind the deadline.
  kEvents,     // The bound on events was reached: something keeps itself busy.
  kStuck,      // An endpoint never stops sending, or its timeout stays in the past.
};

// Methods throw std::logic_error, which names the host or the address, when something is asked that
// cannot be meant.
class Simulation {
 public:
  struct Options {
    // Events of one run, at most.
    std::uint64_t events_max = 1'000'000'000;
    // Datagrams that an endpoint may send at one event, and timeouts that it may have one after the
    // other at one instant, at most. One that has more is broken, and ends the run.
    std::uint64_t burst_max = 4'000'000;
    std::uint64_t timeouts_at_once_max = 1'000'000;
  };

  Simulation() : Simulation(Options{}) {}
  explicit Simulation(const Options& options);

  // Adds a host with an endpoint, which must outlive the simulation.
  HostId add(Endpoint& endpoint, HostOptions options);
  HostId add(Endpoint& endpoint, const Address& address) {
    return add(endpoint, HostOptions{.addresses = {address}});
  }

  // Joins two hosts by a link each way. Observers know it by its number, from 0, and the way from
  // `a` to `b` as the uplink.
  Path path(HostId a, HostId b, Link there, Link back);
  // Other networks are made of links, which are numbered as paths are and always uplinks, and of
  // the links that datagrams from one host to another pass, in order. A route that is there already
  // is replaced; what is under way stays on it.
  LinkId add_link(Link link);
  void route(HostId from, HostId to, std::vector<LinkId> links) {
    network_.set_route(from, to, std::move(links));
  }

  // `what` happens at a virtual time, which must not have passed; then the host is polled, or all
  // of them are, one after the other.
  void at(Instant when, HostId host, std::function<void()> what);
  void at(Instant when, std::function<void()> what);
  // Something was asked of a host from outside: it is polled at this instant. At the start of a run
  // every host is.
  void poll(HostId host);

  // The host is gone: its endpoint is not called any more, and what arrives there is lost.
  void down(HostId host);
  // It is there again, as a new endpoint or the old one.
  void up(HostId host, Endpoint& endpoint);
  // It has another address in the place of one, as behind a NAT. What is under way to the old one
  // is lost.
  void change_address(HostId host, const Address& from, const Address& to) {
    network_.change_address(host, from, to);
  }
  // From now on these hosts and all others cannot reach each other: what either sends is lost as in
  // an outage. It adds to the partitions that are there; heal() ends them all.
  void partition(const std::vector<HostId>& island);
  void heal() { network_.unite(); }
  // What is offered to the link from now on is lost as in an outage, until it is no longer cut.
  void set_cut(LinkId link, bool cut) { network_.set_cut(link, cut); }

  // Observers are told in the order they were added, and must outlive the simulation.
  void observe(Observer& observer) { observers_.push_back(&observer); }

  // Runs until done() holds, asked before the first and after each event, or until one of the other
  // ends. Events at the deadline still happen. The virtual time is that of the last event.
  template <typename Done>
  RunEnd run_until(Done&& done, Instant deadline) {
    const Running running(*this);
    start();
    for (std::uint64_t left = options_.events_max; !done(); --left) {
      if (stuck_) return RunEnd::kStuck;
      const Instant next = next_event();
      if (next == Instant::max()) return RunEnd::kIdle;
      if (next > deadline) return RunEnd::kDeadline;
      if (left == 0) return RunEnd::kEvents;
      step(next);
    }
    return RunEnd::kPredicate;
  }

  // Tells the observers what is in flight now, for whoever ends it all.
  void tell_in_flight();

  Instant now() const { return now_; }
  // Deliveries, timeouts and what was asked for with at(), so far.
  std::uint64_t events() const { return events_; }
  // After RunEnd::kStuck, which host does what. Empty otherwise.
  std::string trouble() const;

  // Datagrams sent to where no route leads; those that arrived at a host that was down or had lost
  // the address; and those that were refused. Observers are told of the latter two as lost.
  std::uint64_t unroutable() const { return unroutable_; }
  std::uint64_t unheard() const { return unheard_; }
  std::uint64_t refused() const { return refused_; }
  const Link& link(LinkId link) const { return network_.at(link).link; }
  HostId host_at(const Address& address) const { return network_.host_at(address); }

 private:
  // Marks that a run goes on.
  class Running {
   public:
    explicit Running(Simulation& simulation);
    ~Running() { simulation_.is_running_ = false; }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

   private:
    Simulation& simulation_;
  };

  struct Ask {
    Instant when;
    std::uint64_t number = 0;
    std::optional<HostId> host{};
    std::function<void()> what{};
  };
  // Of two, which is called later: the heap's first is called next.
  static bool is_later(const Ask& a, const Ask& b) {
    return a.when != b.when ? a.when > b.when : a.number > b.number;
  }

  // When something happens next, or Instant::max().
  Instant next_event() const {
    Instant next = links_.when() <= hosts_.when() ? links_.when() : hosts_.when();
    if (!asks_.empty() && asks_.front().when < next) next = asks_.front().when;
    return next;
  }
  void start();
  void step(Instant next);
  void call_next();
  void push(Ask ask);
  void time_out(HostId host);
  void deliver(LinkId link);
  // A copy that has passed its route: to the endpoint, or to nobody.
  void arrive(LinkId link, std::uint32_t flow, const Delivery& delivery);
  void refuse(std::uint32_t flow, const Delivery& delivery);
  void poll_all();
  // Takes everything that the host wants sent, then asks for its next timeout.
  void drain(HostId host);
  void send(HostId host, const Transmit& transmit);
  void offer(LinkId link, std::uint64_t label, std::span<const std::byte> payload);
  // What is told to observers of a datagram on a link.
  Passage passage(LinkId link, const Address& source, const Address& destination,
                  std::span<const std::byte> payload) const;

  Options options_;
  Network network_;
  std::vector<Observer*> observers_;
  std::vector<std::byte> buffer_;
  // When each link and each host has its next event.
  Earliest links_{0};
  Earliest hosts_{0};
  std::vector<Ask> asks_;  // A heap.
  std::uint64_t last_ask_ = 0;
  Instant now_{};
  bool is_running_ = false;
  std::uint64_t events_ = 0;
  std::uint64_t unroutable_ = 0;
  std::uint64_t unheard_ = 0;
  std::uint64_t refused_ = 0;
  // Who had the latest timeout, when, and how many in a row.
  std::optional<HostId> busy_{};
  std::uint64_t timeouts_at_once_ = 0;
  Instant timed_out_at_{};
  const char* stuck_ = nullptr;  // What that host does without an end.
};

}  // namespace lossy
