// A client and a server over real UDP sockets of this machine, with a link each way, in real time.
//
// 1. An endpoint's datagram is offered to its link at once. When it is due it crosses the kernel,
//    from one host's socket to the other's, and is handed to the endpoint there.
// 2. Events happen in the order in which they were due, as in the simulator, however late the
//    machine is: at equal times deliveries come before timeouts, up before down, and the client
//    before the server. So one datagram at a time is in the kernel. Nothing happens before its
//    time, and the endpoints see the real one.
// 3. The sockets take datagrams from each other only: no other program can join in.
// 4. The endpoints and whoever observes know the hosts by names of the caller's choice, not by the
//    addresses of the sockets, whose ports are others each time. A name with port 0 stands for
//    every port of its address, of which Endpoint::listens_at() tells the open ones: a datagram to
//    another one is refused, which its sender hears as long afterwards as the datagram took.
// 5. What the system loses is counted, and is no impairment.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include <lossy/core/endpoint.hpp>
#include <lossy/harness/link/ecn_label.hpp>
#include <lossy/harness/link/link.hpp>
#include <lossy/harness/link/observer.hpp>
#include <lossy/harness/net/datagram_batch.hpp>
#include <lossy/harness/net/event_loop.hpp>
#include <lossy/harness/net/udp_socket.hpp>

namespace lossy {

class Loopback final : public EventLoop::Handler {
 public:
  struct Host {
    Endpoint& endpoint;
    Address name;
  };
  // Pairs of ports that may ever talk. What further ones send is unroutable.
  static constexpr std::size_t kPairsMax = std::size_t{1} << 20;

  // How long a datagram may take from one socket to the other before it counts as lost.
  static constexpr Duration kCrossingMax = std::chrono::seconds(1);

  // Adds itself to the loop, which must outlive it, as the endpoints must. The hosts' names are of
  // one family, and so are the sockets. Throws std::system_error when there are none to be had.
  Loopback(EventLoop& loop, Host client, Host server, Link uplink, Link downlink);
  Loopback(const Loopback&) = delete;
  Loopback& operator=(const Loopback&) = delete;

  // Observers are told in the order they were added, and must outlive this.
  void observe(Observer& observer) { observers_.push_back(&observer); }

  // Takes what the endpoints want sent before anything has happened to them.
  void start();
  // Nothing is in flight, and no endpoint waits for anything.
  bool idle() const { return !crossing_ && !next(); }

  // Tells the observers what is in flight now, for whoever ends it all.
  void tell_in_flight(Instant now);

  const Link& link(Direction direction) const { return ways_[index(direction)].link; }
  // Datagrams that left one socket and did not arrive at the other, or could not leave.
  std::uint64_t lost_by_system() const { return lost_by_system_; }
  // Datagrams that an endpoint sent to nobody here, or from an address that it has not.
  std::uint64_t unroutable() const { return unroutable_; }
  // Datagrams that came to a port that nobody had open.
  std::uint64_t refused() const { return refused_; }

  void handle_ready(std::uint64_t key) override;
  void handle_timeout(Instant now) override;
  std::optional<Instant> poll_timeout() const override;

 private:
  // From one host to the other.
  struct Way {
    Link link;
    Direction direction;
    Endpoint& receiver;
    Endpoint& sender;
    Address sender_name;
    Address receiver_name;
    UdpSocket& from;
    UdpSocket& to;
  };
  struct Event {
    enum class Kind : std::uint8_t { kRefusal, kDelivery, kTimeout };
    Instant due;
    Kind kind = Kind::kTimeout;
    Direction direction = Direction::kUplink;  // Of the delivery; of what the endpoint sends.
  };
  // Of what is under way, by its label.
  struct Pair {
    Address source;
    Address destination;

    friend bool operator==(const Pair&, const Pair&) = default;
  };
  struct HashPair {
    std::size_t operator()(const Pair& pair) const {
      const std::hash<Address> hash;
      return hash(pair.source) * 31 + hash(pair.destination);
    }
  };
  struct Refusal {
    Instant due;
    Direction direction = Direction::kUplink;  // Of what was refused.
    std::uint64_t pair = 0;
  };
  struct Crossing {
    Delivery delivery;
    Direction direction;
    Instant sent;
  };

  static std::size_t index(Direction direction) { return static_cast<std::size_t>(direction); }

  std::optional<Event> next() const;
  void happen(const Event& event, Instant now);
  void send(Way& way, Instant now);
  void receive(Way& way);
  void drain(Way& way, Instant now);
  // What the copy carries, to the endpoint that has its port or back to its sender.
  void arrive(Way& way, Instant now, const Delivery& delivery, std::span<const std::byte> payload);
  void refuse(Way& way, Instant now, const Delivery& delivery, std::span<const std::byte> payload);
  // Which pair talks, or nothing when it is none of these hosts' or one too many.
  std::optional<std::uint64_t> pair_of(const Way& way, const Transmit& transmit);
  const Pair& pair_in(std::uint64_t label) const { return pairs_[place_in(label)]; }
  Passage passage(const Way& way, std::uint64_t label, std::span<const std::byte> payload) const;

  EventLoop& loop_;
  UdpSocket server_socket_;
  UdpSocket client_socket_;
  std::array<Way, 2> ways_;
  std::vector<Observer*> observers_;
  std::vector<std::byte> buffer_;
  ReceiveBatch received_{1};
  SendBatch to_send_;
  std::optional<Crossing> crossing_;
  std::uint64_t lost_by_system_ = 0;
  std::uint64_t unroutable_ = 0;
  std::uint64_t refused_ = 0;
  std::vector<Pair> pairs_;
  std::unordered_map<Pair, std::uint64_t, HashPair> pair_numbers_;
  std::deque<Refusal> refusals_;  // The one that is heard first is first.
};

}  // namespace lossy
