// The greeting client: asks for greetings, sends again what was not answered, and gives up in the
// end.
//
// Every request ends exactly once, greeted or given up. Retransmission follows RFC 8085
// section 3.1: RFC 6298's estimator with Karn's rule. Each request doubles its own timeout, and new
// ones begin with the longest until a round-trip time is measured: see RttEstimator. The wire
// format has no request numbers, so a late answer counts for a newer request for the same name;
// what it could teach the estimator is bounded by min_rto.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lossy/core/endpoint.hpp>
#include <lossy/core/greeting/message.hpp>
#include <lossy/core/greeting/name_table.hpp>
#include <lossy/core/rtt_estimator.hpp>

namespace lossy {

struct ClientOptions {
  Address server;
  RetryOptions retry{};
  // How many requests may be outstanding: 1 to kWindowMax. RFC 8085 asks for 1 without pacing.
  std::size_t window = 1;

  static constexpr std::size_t kWindowMax = std::size_t{1} << 20;
};

struct ClientCounters {
  std::uint64_t received = 0;
  std::uint64_t sent = 0;          // Transmissions, first ones and repeated ones.
  std::uint64_t wrong_source = 0;  // Not from the server that was asked: ignored.
  std::uint64_t unexpected = 0;  // A greeting for no outstanding request: late, a copy, or forged.
  std::array<std::uint64_t, kMalformedCount> refused{};  // By Malformed.
};

struct ClientEvent {
  enum class Kind : std::uint8_t { kGreeted, kGaveUp };
  Kind kind = Kind::kGaveUp;
  int attempts = 0;           // Transmissions of this request.
  std::uint64_t request = 0;  // What greet() gave.
  std::string_view name;      // Valid until the next call of poll_event() or greet().
  Instant ended;              // When the request ended.
  Duration elapsed{};         // From its first transmission until then.
};

// The verbs and their order of calls: see Endpoint. poll_event() belongs to them.
class Client final : public Endpoint {
 public:
  explicit Client(const ClientOptions& options);

  // Asks for a greeting of `name`, which must be one that parse_request() accepts. It is sent as
  // soon as the window allows; a greeting for a name that is already outstanding waits for that one
  // to end. Gives the request's number, counted from 1, or nothing when kRequestsMax have not ended
  // yet.
  std::optional<std::uint64_t> greet(std::string_view name);
  static constexpr std::size_t kRequestsMax = 2 * ClientOptions::kWindowMax;

  void handle_datagram(Instant now, const Datagram& datagram) override;
  void handle_timeout(Instant now) override;
  std::optional<Transmit> poll_transmit(Instant now, std::span<std::byte> buffer) override;
  std::optional<ClientEvent> poll_event();
  std::optional<Instant> poll_timeout() const override {
    if (timers_.empty()) return std::nullopt;
    return timers_.front().deadline;
  }

  // Requests that have not ended; those of them that were sent; and room for more within the
  // window.
  std::size_t pending() const { return pending_; }
  std::size_t outstanding() const { return timers_.size(); }
  std::size_t window_left() const;

  const ClientCounters& counters() const { return counters_; }

 private:
  static constexpr std::uint32_t kNone = NameTable::kNone;

  // A first-in first-out list of requests, linked through Request::next.
  struct List {
    std::uint32_t head = kNone;
    std::uint32_t tail = kNone;
    std::size_t size = 0;
  };

  struct Request {
    std::string name;
    std::uint64_t hash = 0;
    std::uint64_t number = 0;
    Instant first_sent;
    Instant last_sent;
    Duration rto{};
    int attempts = 0;
    ClientEvent::Kind end = ClientEvent::Kind::kGaveUp;
    Instant ended_at;
    List waiters;                 // Later requests for the same name.
    std::uint32_t timer = kNone;  // Its place in timers_ while outstanding.
    std::uint32_t next = kNone;   // The next in the list that it is in.
  };

  std::uint32_t allocate();
  void append(List& list, std::uint32_t index);
  std::uint32_t take_first(List& list);
  std::uint32_t find_outstanding(std::uint64_t hash, std::string_view name) const;
  // The next request to send for the first time, or kNone.
  std::uint32_t take_startable();
  std::size_t transmit(Instant now, std::uint32_t index, std::span<std::byte> buffer);
  void back_off(Request& request);
  void end(Instant now, std::uint32_t index, ClientEvent::Kind kind);
  void give_up_exhausted();

  // A binary heap of outstanding requests, the earliest deadline first. Each request knows its
  // place, so that an answered one leaves at once and the heap never holds more than what is
  // outstanding.
  struct Timer {
    Instant deadline;
    std::uint32_t request = kNone;
  };
  bool earlier(const Timer& a, const Timer& b) const;
  void timer_set(std::size_t place, const Timer& timer);
  void timer_insert(const Timer& timer);
  void timer_remove(std::uint32_t index);
  // Puts a timer where it belongs, starting at a place whose own timer is gone.
  void timer_settle(std::size_t place, const Timer& timer);

  ClientOptions options_;
  RttEstimator estimator_;
  ClientCounters counters_;
  std::vector<Request> requests_;
  std::vector<std::uint32_t> free_;
  std::vector<Timer> timers_;
  NameTable outstanding_names_;
  List waiting_;                // Asked for, not sent yet, in the order asked.
  List released_;               // Waited for their name, which is free now: sent before waiting_.
  List ended_;                  // For poll_event().
  std::uint32_t told_ = kNone;  // The request whose name the last event lent out.
  std::uint64_t last_number_ = 0;
  std::size_t pending_ = 0;
  Instant timeouts_until_ = Instant::min();  // Deadlines up to here have passed.
};

}  // namespace lossy
