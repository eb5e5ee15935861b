// Forwards the datagrams of any UDP protocol through links, in real time.
//
// 1. Each client address is a flow: it has a socket of its own towards the server, and two links of
//    its own. Flows are numbered from 1 in the order in which their first datagrams came.
// 2. A datagram leaves at its due time or later, never before. It counts from when the kernel had
//    it, unless something else has happened here since: what this program takes to wake up is no
//    delay of the path, and order comes before exactness. The clock is read once a batch.
// 3. Flows are bounded in number. One that is idle for long enough ends; when there is no room for
//    a new one, the one that is idle for longest does. Both are counted, and a client that comes
//    back has a new flow.
// 4. What ICMP says of the server is silence to the client, and counted: a server that comes back
//    is forwarded to as before. Nothing that a client or the server sends ends the proxy.
// 5. What is lost for another reason than the links' is counted apart: it is no impairment.
// 6. What is in flight in all flows together has one bound on its memory. Beside that an idle flow
//    takes 11 KiB, and the kernel's for a socket: 45 MiB for 4096 flows.
// 7. Nothing is done for all flows at once, which would keep others waiting, unless it is asked
// for.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <unordered_map>
#include <vector>

#include <lossy/harness/link/earliest.hpp>
#include <lossy/harness/link/link.hpp>
#include <lossy/harness/link/memory_budget.hpp>
#include <lossy/harness/link/observer.hpp>
#include <lossy/harness/net/datagram_batch.hpp>
#include <lossy/harness/net/event_loop.hpp>
#include <lossy/harness/net/udp_socket.hpp>

namespace lossy {

struct ProxyOptions {
  ListenAddress listen = Address();
  Address server;
  // How long a flow lives after its last datagram, either way. Above 0.
  Duration idle = std::chrono::seconds(60);
  std::size_t flows_max = 4096;  // 1 to kFlowsMax.
  // How often a flow changes its port towards the server, as a NAT may; never when nothing. What
  // the server sends to the port before is lost then.
  std::optional<Duration> rebind_every{};
  // What all that is in flight may take; what comes on top is lost, and counted as lost in flight.
  std::size_t memory_bytes_max = std::size_t{1} << 30;

  static constexpr std::size_t kFlowsMax = 60'000;
};

struct ProxyCounters {
  std::uint64_t flows = 0;           // Opened, in all.
  std::uint64_t flows_open = 0;      // Now.
  std::uint64_t flows_idle = 0;      // Ended because they were idle.
  std::uint64_t flows_evicted = 0;   // Ended because there was no room for another.
  std::uint64_t flows_refused = 0;   // Datagrams whose flow the system had no room for.
  std::uint64_t flows_of_one = 0;    // Whose clients have sent one datagram, until now or ever.
  std::uint64_t flows_of_iperf = 0;  // Whose clients began as iperf3 does.
  std::uint64_t rebinds = 0;
  std::uint64_t in_flight = 0;             // Copies, now.
  std::uint64_t discarded = 0;             // Copies that were in flight when their flow ended.
  std::array<std::uint64_t, 2> emptied{};  // By direction: copies of which a cut left no byte.
  std::uint64_t too_long = 0;        // Datagrams that came over IPv6, and IPv4 cannot carry on.
  std::size_t memory_bytes = 0;      // What is in flight takes them, now.
  std::uint64_t memory_refused = 0;  // Datagrams lost in flight for want of memory.
  // Of all flows, those that have ended included.
  LinkCounters uplink;
  LinkCounters downlink;
  // Towards the clients and towards the servers, and what the kernel dropped before it reached us.
  SocketCounters clients;
  SocketCounters servers;
  std::uint64_t clients_kernel_dropped = 0;
  std::uint64_t servers_kernel_dropped = 0;
};

class Proxy final : public EventLoop::Handler {
 public:
  struct Links {
    Link uplink;
    Link downlink;
  };
  // The links of a flow, by its number and its client. They are new, and told times that count from
  // Instant{} on.
  using MakeLinks = std::function<Links(std::uint64_t flow, const Address& client)>;

  // Adds itself to the loop, which must outlive it. Throws std::system_error when it cannot listen,
  // or when the server can never be reached.
  Proxy(EventLoop& loop, const ProxyOptions& options, MakeLinks make_links);
  ~Proxy() override;
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  // Observers are told in the order they were added, and must outlive the proxy. A passage's
  // addresses are those of the side on which it is seen.
  void observe(Observer& observer) { observers_.push_back(&observer); }

  // Tells the observers what is in flight now, for whoever ends it all.
  void tell_in_flight(Instant now);

  // Where it listens, with the port that it got.
  const Address& address() const { return address_; }
  const UdpSocket& socket() const { return socket_; }

  // Whether what is sent to the server comes to this proxy itself, to be forwarded for ever.
  bool is_its_own_server() const { return is_its_own_server_; }

  // All that was counted. Asks the kernel about the socket of each flow, a system call each.
  ProxyCounters counters();
  // The same but for what the kernel dropped, of which it may know less: of open flows it asks
  // about a few, others the next time.
  ProxyCounters recent_counters();

  void handle_ready(std::uint64_t key) override;
  void handle_timeout(Instant now) override;
  std::optional<Instant> poll_timeout() const override;

 private:
  struct Flow;
  using Flows = std::list<Flow>;

  void receive_from_clients();
  void receive_from_server(Flow& flow);
  // The flow of a client, a new one if need be; nullptr, with the datagram counted, when the system
  // allows none or has no way to the server.
  Flow* flow_of(const Received& received, Instant now);
  Flow* open(const Address& client, Instant now);
  void end(Flow& flow);
  void end_idle(Instant now);
  void rebind(Flow& flow, Instant now);
  // When a datagram of the batch that is being handled came, as links and observers are told.
  Instant arrival(const Received& received, Instant now);
  void offer(Flow& flow, Direction direction, Instant now, const Received& received);
  // What the client's first datagrams tell of it.
  void know(Flow& flow, std::span<const std::byte> payload);
  // Sends what is due, and sees when the next is.
  void settle(Flow& flow, Instant now);
  void deliver(Flow& flow, Direction direction, Instant now);
  void flush(SendBatch& batch, UdpSocket& socket);
  // Adds what a flow has counted since the last time.
  void count(Flow& flow);
  void count_kernel_drops(Flow& flow);

  // As the client sees itself and us; as the server does.
  Passage outside(const Flow& flow, Direction direction) const;
  Passage inside(const Flow& flow, Direction direction) const;

  EventLoop& loop_;
  ProxyOptions options_;
  MakeLinks make_links_;
  UdpSocket socket_;
  Address address_;
  bool is_its_own_server_ = false;
  std::vector<Observer*> observers_;

  MemoryBudget memory_;
  Flows flows_;  // The one that is idle for longest comes first.
  std::unordered_map<Address, Flow*> by_client_;
  std::vector<Flow*> by_slot_;
  std::vector<std::size_t> free_slots_;
  Earliest timers_;             // By slot: when something is due in that flow.
  Flow* last_flow_ = nullptr;   // Most datagrams come from whom the last one came from.
  std::vector<Flow*> touched_;  // By the batch that is being handled.
  Instant told_{};              // The latest time that a link or an observer was told.

  ReceiveBatch received_;
  SendBatch to_server_;
  SendBatch to_clients_;

  ProxyCounters counters_;               // Up to date but for what others know.
  std::uint32_t listening_dropped_ = 0;  // By the kernel, as counted already.
  std::size_t next_asked_ = 0;           // The slot whose socket the kernel is asked about next.
};

}  // namespace lossy
