// What the greeting client must do, in the simplest form that is still exact: a list of requests
// that is searched from end to end. It is told what goes into a client and what comes out of it,
// and holds the one against the other.
//
// The properties are those of the client in properties.hpp. What is told to a model costs time in
// proportion to the requests it knows: it is for short conversations.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <lossy/core/greeting/client.hpp>
#include <lossy/harness/sim/reference_rto.hpp>

namespace lossy {

class ClientModel {
 public:
  // How many requests it can be told of, which is what it takes memory for.
  explicit ClientModel(std::size_t requests_max);

  // Forgets everything; from now on it is the model of a new client with these options. Allocates
  // nothing.
  void start(const ClientOptions& options);

  // Each of the following throws PropertyViolation when a property does not hold.

  // What goes in. asked() is what greet() gave, and must not be called when full().
  bool full() const { return count_ == requests_.size(); }
  void asked(std::string_view name, std::optional<std::uint64_t> number);
  void received(Instant now, const Datagram& datagram);
  void timed_out(Instant now);

  // What comes out.
  void sent(Instant now, const Address& destination, std::string_view payload);
  void told(const ClientEvent& event);

  // Everything that should have come out has, and the client says of itself what is so.
  void settled(const Client& client) const;

  // From now on nothing is lost, so that whatever is sent must be greeted.
  void network_turns_perfect() { perfect_ = true; }

  std::string_view name_of(std::size_t request) const;
  std::size_t count() const { return count_; }
  bool all_ended() const { return count_of(State::kTold) == count_; }

 private:
  enum class State : std::uint8_t {
    kWaiting,
    kOutstanding,
    kGreeted,  // It has ended, but no event has told so yet.
    kGaveUp,
    kTold,
  };

  struct Request {
    std::array<char, kNameBytesMax> name;
    std::uint16_t name_bytes;
    State state;
    bool sent_when_perfect;
    int attempts;
    Duration rto;
    Duration backed_off_to;  // What new requests must not be below on its account, or zero.
    bool measured;
    Instant first_sent;
    Instant last_sent;
    Instant deadline;
    Instant ended;
  };

  std::size_t count_of(State state) const;
  // The first request with this name in this state, or count_.
  std::size_t find(State state, std::string_view name) const;
  bool is_outstanding(std::string_view name) const {
    return find(State::kOutstanding, name) < count_;
  }
  bool has_older_namesake(std::size_t request) const;
  void measured(Instant now, Request& request);
  void backed_off(Request& request);
  // The timeout of a request that is sent for the first time.
  Duration first_rto() const;
  void sent_first(Instant now, std::size_t request);
  void sent_again(Instant now, std::size_t request);

  ClientOptions options_;
  ReferenceRto rto_{RetryOptions{}};
  ClientCounters counters_;
  Instant timed_out_ = Instant::min();
  bool perfect_ = false;
  std::size_t count_ = 0;
  std::vector<Request> requests_;  // The first count_ of them are in use; number n at n - 1.
};

}  // namespace lossy
