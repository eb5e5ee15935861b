// A member of a group in which everyone is told who else is in it: a small relative of SWIM (Das,
// Gupta and Motivala, "SWIM: Scalable Weakly-consistent Infection-style Process Group Membership
// Protocol", DSN 2002), for networks that lose and come back.
//
// 1. Once a period each node pings another one, in an order that is drawn anew each round. Without
//    an answer it asks some others to ping for it, and without one until the period ends it
//    suspects the member; who is suspected for long enough is dead.
// 2. What a node knows travels with all that it sends: what is new first, a bounded number of
// times,
//    and then one member after the other. Whoever hears that it is suspected or dead says with a
//    higher incarnation that it is alive: of two rumours the higher incarnation counts, and of two
//    of the same the worse state.
// 3. A network may have come apart: once a period a node pings one of those that are dead to it,
//    too, and a message always says what its sender thinks of whom it goes to. So both sides of a
//    partition find each other again.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include <lossy/core/endpoint.hpp>
#include <lossy/core/membership/message.hpp>
#include <lossy/core/random.hpp>

namespace lossy::membership {

struct NodeOptions {
  Address self{};
  std::optional<Address> contact{};  // Whom to join; nobody is the first.
  std::uint64_t seed = 0;            // Of the orders that it draws.
  Duration period = std::chrono::seconds(1);
  Duration answer_time = std::chrono::milliseconds(250);  // For a ping; below the period.
  std::size_t helpers = 2;                                // Asked to ping for it.
  int suspect_periods = 4;
  std::size_t members_max = 1024;  // More are not taken in, and counted.
  // From then on it begins nothing by itself, so that a run comes to rest.
  Instant rests_at = Instant::max();
};

struct NodeCounters {
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
  std::uint64_t pings = 0;        // Of its own.
  std::uint64_t unanswered = 0;   // Of these.
  std::uint64_t suspicions = 0;   // It began.
  std::uint64_t refutations = 0;  // It heard that it is suspected or dead.
  std::uint64_t too_many = 0;  // Members that were not taken in, and datagrams that were not sent.
  std::array<std::uint64_t, kMalformedCount> malformed{};
};

// The verbs and their order of calls: see Endpoint.
class Node final : public Endpoint {
 public:
  // std::logic_error when an option is outside its range.
  explicit Node(const NodeOptions& options);

  void handle_datagram(Instant now, const Datagram& datagram) override;
  void handle_timeout(Instant now) override;
  std::optional<Transmit> poll_transmit(Instant now, std::span<std::byte> buffer) override;
  std::optional<Instant> poll_timeout() const override;

  // Itself and all that it takes for alive or suspects, in order.
  std::vector<Address> members() const;
  // Counts changes of what it knows.
  std::uint64_t changes() const { return heard_; }
  // What it believes the incarnation of a member to be; nothing of one that it does not know.
  std::optional<std::uint32_t> incarnation_of(const Address& member) const;
  // When its contact let it in; for the first, when it began.
  std::optional<Instant> joined() const { return joined_; }
  std::uint32_t incarnation() const { return incarnation_; }
  const NodeCounters& counters() const { return counters_; }

 private:
  struct Member {
    State state = State::kAlive;
    std::uint32_t incarnation = 0;
    Instant suspected_until = Instant::max();
    int tellings_left = 0;
    std::uint64_t heard = 0;  // Its place among all rumours, by which the newest is told first.
  };
  struct Probe {
    Address target;
    std::uint32_t number = 0;
    Instant deadline;
    bool helped = false;
  };
  // A ping for somebody else.
  struct Relay {
    std::uint32_t number = 0;
    Address asker;
    std::uint32_t asked = 0;  // The asker's number.
    Instant deadline;
  };
  struct Letter {
    Address destination;
    Message message;  // Without what its sender says when it goes.
  };

  void begin(Instant now);
  void begin_period(Instant now);
  void probe_fails(Instant now);
  void hear(Instant now, const Rumour& rumour);
  void set(Instant now, Member& member, State state, std::uint32_t incarnation);
  void send(const Address& destination, Message message);
  std::vector<Rumour> rumours_for(const Address& destination);
  // The next of those in an order that has this, drawn anew when it is used up.
  template <typename Has>
  std::optional<Address> next_of(std::vector<Address>& order, Has has);
  std::vector<Address> helpers_for(const Address& target);
  void shuffle(std::vector<Address>& addresses);

  NodeOptions options_;
  RandomStream draws_;
  std::uint64_t drawn_ = 0;
  std::map<Address, Member> members_;  // Without itself.
  std::vector<Address> to_ping_;       // The last is next; drawn anew when empty.
  std::vector<Address> to_revive_;
  std::optional<Probe> probe_;
  std::deque<Relay> relays_;
  std::deque<Letter> letters_;
  std::optional<Instant> next_period_{};
  std::optional<Instant> joined_{};
  std::uint32_t join_number_ = 0;
  std::uint32_t last_number_ = 0;
  std::uint32_t incarnation_ = 0;
  std::uint64_t heard_ = 0;
  Address told_last_;  // Of those that are told one after the other.
  bool is_begun_ = false;
  bool rests_ = false;
  NodeCounters counters_;
};

}  // namespace lossy::membership
