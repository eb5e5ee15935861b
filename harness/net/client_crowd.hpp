// Runs clients of one server, each over a socket of its own, as many at a time as the system
// allows.
//
// 1. Sockets are not connected, so that a client is given what comes from elsewhere, too. What ICMP
//    says of the server is told to the client all the same.
// 2. A client starts at its time, or when there is room: one that is complete makes room first.
// 3. Between the datagrams of one client all others have their turn. When the kernel has no room to
//    send, nobody sends until it has.
// 4. A client is given each datagram with the time at which the kernel had it, though never before
//    anything else that it was told, and all of a batch before it is asked what to send.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <lossy/core/endpoint.hpp>
#include <lossy/harness/link/earliest.hpp>
#include <lossy/harness/net/datagram_batch.hpp>
#include <lossy/harness/net/event_loop.hpp>
#include <lossy/harness/net/udp_socket.hpp>

namespace lossy {

class ClientCrowd final : public EventLoop::Handler {
 public:
  class Client : public Endpoint {
   public:
    // ICMP says that nobody listens, that there is no way, or that what was sent is too long for
    // it.
    virtual void handle_icmp(Instant now, SocketOutcome outcome) = 0;
    // Nothing is missed any more when it ends.
    virtual bool is_complete() const = 0;
    virtual bool has_ended() const = 0;
  };

  // What a client's socket went through.
  struct SocketReport {
    SocketCounters counters;
    std::uint32_t kernel_dropped = 0;
  };

  // Where the clients come from and go to.
  class Source {
   public:
    virtual ~Source() = default;
    // When the next one starts, or nothing when there is none.
    virtual std::optional<Instant> next_start() const = 0;
    // The next one, which is the source's, and valid until end().
    virtual Client& start(Instant now) = 0;
    virtual void end(Client& client, const SocketReport& socket) = 0;
  };

  struct Options {
    Address server;
    std::size_t open_max = 1024;  // Sockets at a time, at least 1.
  };

  // Adds itself to the loop. Both must outlive it. Throws std::system_error when the server can
  // never be reached.
  ClientCrowd(EventLoop& loop, Source& source, const Options& options);
  ~ClientCrowd() override;
  ClientCrowd(const ClientCrowd&) = delete;
  ClientCrowd& operator=(const ClientCrowd&) = delete;

  // The server as answers from it will say.
  const Address& server() const { return server_; }

  // No client is there, and none will come.
  bool is_done() const { return open_ == 0 && !source_.next_start(); }

  // Ends all that are there.
  void end_all();

  void handle_ready(std::uint64_t key) override;
  void handle_timeout(Instant now) override;
  std::optional<Instant> poll_timeout() const override;

 private:
  struct Slot;

  void start_due(Instant now);
  // Ends a client that is complete; whether there was one.
  bool end_complete();
  void open(Instant now);
  // Sends what the client wants sent, and sees when it wants to be told of the time.
  void work(Slot& slot, Instant now);
  // Whether the kernel had room.
  bool flush(Slot& slot);
  void take_errors(Slot& slot, Instant now);
  void settle(Slot& slot);
  void end(Slot& slot);

  EventLoop& loop_;
  Source& source_;
  Address server_;
  Address local_;  // Where datagrams to the server leave from, with port 0.
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<std::size_t> free_;
  std::size_t open_ = 0;
  std::size_t complete_from_ = 0;  // Where to look for a client that is complete.
  Earliest timers_;                // By slot.
  Slot* blocked_ = nullptr;        // Waits for room to send.
  bool starved_ = false;           // There is no room: somebody must be complete first.
  std::uint64_t opened_ = 0;
  ReceiveBatch received_;
  SendBatch to_send_;
};

}  // namespace lossy
