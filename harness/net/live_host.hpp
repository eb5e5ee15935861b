// One host of a protocol among other people's programs: an endpoint over sockets of this machine,
// with a link each way, in real time.
//
// 1. What the endpoint sends is offered to the outward link at once, and goes to the network when
//    it is due; what the network brings passes the inward link before the endpoint has it. One link
//    a direction, whoever is at the other end.
// 2. The host is asked at one socket. One that has every port of its address gets another for each
//    that it sends from, at a port that the system chooses; it is closed once the endpoint does not
//    listen there any more and nothing of it is under way.
// 3. The endpoint knows its ports by the numbers that it chose, except the one where it is asked.
//    Observers are told those that the network sees.
// 4. At equal times what goes out goes before what comes in, and that before timeouts.
// 5. What the system loses, in either direction, is counted, and is no impairment.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <lossy/core/endpoint.hpp>
#include <lossy/harness/link/link.hpp>
#include <lossy/harness/link/observer.hpp>
#include <lossy/harness/net/datagram_batch.hpp>
#include <lossy/harness/net/event_loop.hpp>
#include <lossy/harness/net/udp_socket.hpp>

namespace lossy {

class LiveHost final : public EventLoop::Handler {
 public:
  struct Setup {
    UdpSocket socket;  // Where it is asked: one that listens.
    bool every_port = false;
    Direction outward = Direction::kUplink;  // Of what the endpoint sends.
    Link out;
    Link in;
  };

  // Adds itself to the loop, which must outlive it, as the endpoint must.
  LiveHost(EventLoop& loop, Endpoint& endpoint, Setup setup);
  LiveHost(const LiveHost&) = delete;
  LiveHost& operator=(const LiveHost&) = delete;

  // Observers are told in the order they were added, and must outlive this.
  void observe(Observer& observer) { observers_.push_back(&observer); }

  // Takes what the endpoint wants sent before anything has happened to it.
  void start() { drain(loop_.now()); }
  // Where it is asked, as its socket has it.
  const Address& address() const { return asked_->address; }
  // Nothing that the endpoint sent is still to go out.
  bool is_out() const { return !out_.poll_timeout(); }

  // Tells the observers what is in flight now, for whoever ends it all.
  void tell_in_flight(Instant now);

  const Link& link(Direction direction) const { return direction == outward_ ? out_ : in_; }
  // Datagrams that could not be sent, or had no socket to leave from, and those that the kernel
  // dropped before they were read.
  std::uint64_t lost_by_system() const;
  // Datagrams that had no socket to leave from, among those lost; and what the system said of it.
  std::uint64_t without_socket() const { return without_socket_; }
  const std::string& why_no_socket() const { return why_no_socket_; }
  // Datagrams that came to a port that the endpoint had closed meanwhile.
  std::uint64_t refused() const { return refused_; }
  // Datagrams of which the network said that nobody listens where they went.
  std::uint64_t refusals() const { return refusals_; }
  // Sockets that are open.
  std::size_t sockets() const { return by_key_.size(); }

  void handle_ready(std::uint64_t key) override;
  void handle_timeout(Instant now) override;
  std::optional<Instant> poll_timeout() const override;

 private:
  struct Port {
    UdpSocket socket;
    Address name;                // The endpoint's.
    Address address;             // The network's: the same port whatever the endpoint calls it.
    std::uint64_t underway = 0;  // Datagrams, either way.
    bool is_asked = false;       // It stays open.
  };
  // Of a datagram that is under way, by its label.
  struct Underway {
    Port* port = nullptr;
    Address local;  // The endpoint's, of the port.
    Address remote;
    std::size_t copies = 1;  // That have not arrived; one more while it is offered.
  };
  enum class Next : std::uint8_t { kOut, kIn, kTimeout };
  struct Event {
    Instant due;
    Next what = Next::kTimeout;
  };

  std::optional<Event> next() const;
  void happen(Next what, Instant now);
  void go_out(Instant now);
  void come_in(Instant now);
  // What answers leaves from the address that was asked, unless the endpoint says otherwise.
  void drain(Instant now, const Underway* answered = nullptr);
  // Nothing when the system gives no socket.
  Port* port_of(const Address& local);
  Port& open(UdpSocket socket, const Address& name);
  // Offers a datagram, and tells the observers.
  void offer(Link& link, Direction direction, Instant now, const Underway& underway,
             std::span<const std::byte> payload, Ecn ecn);
  std::uint64_t keep(const Underway& underway);
  // One copy less is under way.
  void release(std::uint64_t slot);
  void close_unused();
  Address seen(const Underway& underway) const;
  Passage passage(Direction direction, const Underway& underway,
                  std::span<const std::byte> payload) const;

  EventLoop& loop_;
  Endpoint& endpoint_;
  bool every_port_;
  Direction outward_;
  Link out_;
  Link in_;
  std::vector<Observer*> observers_;
  std::vector<std::byte> buffer_;
  ReceiveBatch received_;
  SendBatch to_send_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Port>> by_key_;  // The loop's.
  std::unordered_map<Address, Port*> by_name_;
  Port* asked_ = nullptr;
  std::uint64_t next_key_ = 0;
  std::vector<Underway> underway_;
  std::vector<std::uint64_t> free_;  // Of underway_.
  std::size_t since_closing_ = 0;    // Events.
  std::uint64_t not_sent_ = 0;
  std::uint64_t without_socket_ = 0;
  std::string why_no_socket_;
  std::uint64_t dropped_ = 0;  // By the kernel, at sockets that are closed.
  std::uint64_t refused_ = 0;
  std::uint64_t refusals_ = 0;
};

}  // namespace lossy
