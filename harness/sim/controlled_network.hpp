// The network of a run in which somebody else decides what happens next: which of the datagrams
// that are on their way arrives, is lost, comes twice, changes places with another one or changes
// itself, and when time passes. It decides nothing, and is what a script, a fuzzer's input and a
// search of all faults have in common.
//
// Time stands still but for its own methods. What is chosen by place counts from 0, in the order in
// which datagrams set out, and is taken modulo how many there are. A method that finds nothing to
// do gives false, and has done nothing; once the run is over, all do.
//
// Observers see a path between each two hosts, numbered as those of `lossy simulate`: the first of
// the hosts is its client. What is decided about a datagram after it set out they are told as a
// loss, by what arrives, and as a fault.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include <lossy/core/protocol.hpp>
#include <lossy/harness/link/observer.hpp>

namespace lossy {

class ControlledNetwork {
 public:
  static constexpr std::size_t kOnTheirWayMax = 256;  // More are lost, which is a fault.
  // Steps within which a fuzzer's run is at rest, and a search's: they are short.
  static constexpr std::size_t kSettlesWithin = 200'000;
  static constexpr Duration kHop = std::chrono::milliseconds(1);  // How long a delivery takes.

  struct Letter {
    std::size_t from = 0;  // The host.
    std::size_t to = 0;
    Address source;
    Address destination;
    std::uint64_t number = 0;  // From 1, of those from this host to that one; copies share it.
    std::uint64_t order = 0;   // From 1, of all, in the order sent; copies share it.
    std::size_t copy = 0;      // 0 for the first.
    Instant sent;
    bool corrupted = false;
    bool truncated = false;
    bool arrived = false;  // A copy of it has.
    std::vector<std::byte> payload;
  };

  // Of the run's hosts at these addresses, which are those of network_address(). The run must
  // outlive it.
  ControlledNetwork(ProtocolRun& run, std::vector<Address> addresses);

  // Observers are told in the order they were added, and must outlive the network.
  void observe(Observer& observer) { observers_.push_back(&observer); }
  // Asked at the start and after each delivery and timeout.
  void over_when(std::function<bool()> is_over) { is_over_ = std::move(is_over); }
  // Takes what the hosts want sent before anything has happened to them, or when a timeout does
  // that is due at once.
  void start();

  bool deliver(std::size_t place);
  bool lose(std::size_t place);
  bool duplicate(std::size_t place);  // The other one sets out last.
  bool swap(std::size_t place, std::size_t other);
  bool flip(std::size_t place, std::size_t bit);  // Modulo what there is.
  bool cut(std::size_t place, std::size_t bytes_kept);
  // Time passes until the earliest timeout, which happens; what is on its way stays there.
  bool time_out();
  // What happens next when the network is perfect: the first arrives, or the earliest timeout
  // happens.
  bool step();
  // So on, until no datagram is on its way and no timer is armed. False when that takes more than
  // `steps_max` steps, which no protocol should, and when the run is over before.
  bool settle(std::uint64_t steps_max);

  bool is_over() const { return over_; }
  // When the earliest timeout is, of one host or of all; nothing when no timer is armed.
  std::optional<Instant> timeout_of(std::size_t host) const {
    return run_.endpoint(host).poll_timeout();
  }
  std::optional<Instant> earliest_timeout() const;
  // How many it has had.
  std::uint64_t timeouts_of(std::size_t host) const { return timeouts_[host]; }
  // Datagrams sent so far.
  std::uint64_t sent() const { return sent_; }
  // Where a datagram is on its way, as observers see it.
  static std::size_t path_of(const Letter& letter);
  static Direction direction_of(const Letter& letter) {
    return letter.from < letter.to ? Direction::kUplink : Direction::kDownlink;
  }
  std::size_t hosts() const { return addresses_.size(); }
  const std::deque<Letter>& letters() const { return letters_; }
  Instant now() const { return now_; }
  // Of all paths together.
  const LinkCounters& counters(Direction direction) const {
    return counters_[static_cast<std::size_t>(direction)];
  }
  // Datagrams to where nobody is, and those to a port that is closed.
  std::uint64_t unroutable() const { return unroutable_; }
  std::uint64_t refused() const { return refused_; }
  // Tells the observers what is on its way, for whoever ends it all.
  void tell_in_flight();

 private:
  // What is known of the datagrams from one host to another.
  struct Way {
    std::uint64_t last_number = 0;
    std::uint64_t highest_arrived = 0;
  };
  struct Timeout {
    Instant when;
    std::size_t host = 0;
  };

  Way& way(const Letter& letter) { return ways_[letter.from * hosts() + letter.to]; }
  LinkCounters& counters_of(const Letter& letter) {
    return counters_[static_cast<std::size_t>(direction_of(letter))];
  }
  static bool is_same(const Letter& one, const Letter& other) {
    return one.number == other.number && one.from == other.from && one.to == other.to;
  }
  // The one at the place, or nothing when there is none or the run is over.
  Letter* at(std::size_t place);
  // The same where its bytes are to change.
  Letter* with_bytes_at(std::size_t place);
  Letter take(std::size_t place);
  void arrive(Letter letter);
  void time_out(const Timeout& timeout);
  void send(std::size_t host, const Transmit& transmit, std::span<const std::byte> payload);
  void drain(std::size_t host);
  void look_whether_over() { over_ = over_ || (is_over_ && is_over_()); }
  std::optional<std::size_t> host_at(const Address& address) const;
  // Of all hosts the earliest, and whose it is.
  std::optional<Timeout> next_timeout() const;
  void fault();
  template <typename Tell>
  void tell(const Letter& letter, Tell&& tell);

  ProtocolRun& run_;
  std::vector<Address> addresses_;
  std::vector<Observer*> observers_;
  std::function<bool()> is_over_;
  bool over_ = false;
  std::deque<Letter> letters_;
  std::vector<Way> ways_;  // From each host to each other.
  std::array<LinkCounters, 2> counters_{};
  std::vector<std::uint64_t> timeouts_;  // By host.
  std::uint64_t sent_ = 0;
  std::uint64_t unroutable_ = 0;
  std::uint64_t refused_ = 0;
  std::vector<std::byte> buffer_;
  Instant now_{};
};

}  // namespace lossy
