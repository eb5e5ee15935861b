// A protocol under test, as a value: its name, how the hosts of a run are made, what an application
// can ask of them, what must hold, and how a datagram reads. Whatever lossy does to a protocol it
// does through this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lossy/core/address.hpp>
#include <lossy/core/clock.hpp>
#include <lossy/core/endpoint.hpp>
#include <lossy/core/histogram.hpp>

namespace lossy {

// Something that all of a run is set up with, as in --attempts=5.
struct Setting {
  enum class Kind : std::uint8_t { kWhole, kTime, kFlag };

  std::string name;      // "attempts".
  std::string sentence;  // For --help, with what is meant without it: "how often ... [5]".
  Kind kind = Kind::kWhole;
  std::optional<std::int64_t> initial{};  // Of kTime nanoseconds, of kFlag 0 or 1.
  std::int64_t least = 0;
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
  // What a fuzzer tries beside the initial value: what is small, and where something changes.
  std::vector<std::int64_t> tried{};
};

// Something that an application can ask of a host, as in --get=readme.
struct CallKind {
  std::string name;      // "get".
  std::string argument;  // What it is about, for --help: "FILE".
  std::string sentence;
  bool is_positional = false;        // Words without an option ask for it. Of one kind, at most.
  std::vector<std::string> tried{};  // What a fuzzer asks for.
};

struct Call {
  std::size_t kind = 0;  // Of the protocol's.
  std::string argument;  // Any bytes.
};

// One of a run's hosts.
struct HostRole {
  enum class Part : std::uint8_t {
    kPeer,     // Of equals.
    kAsks,     // It makes the calls, of the one that answers.
    kAnswers,  // It waits to be asked, by anyone.
  };

  std::string name;         // "client".
  std::uint16_t port = 0;   // Where it is; of one with every port, where it is asked, if it is.
  bool every_port = false;  // All ports of its address are its, see Endpoint::listens_at().
  Part part = Part::kPeer;
};

// What a network calls the host that is planned at an address: with port 0 for every port.
inline Address network_address(const HostRole& role, const Address& planned) {
  return role.every_port ? with_port(planned, 0) : planned;
}

// What a run is asked for.
struct RunPlan {
  std::map<std::string, std::int64_t, std::less<>> settings;  // Those that have a value.
  std::vector<Call> calls;                                    // In the order asked.
  std::vector<Address> addresses;                             // Of each host, with its port.
  // The one host that is run, when the others are somebody else's programs: then no property is
  // checked, and figures() speaks of that host.
  std::optional<std::size_t> alone{};

  std::optional<std::int64_t> find(std::string_view setting) const {
    const auto found = settings.find(setting);
    return found == settings.end() ? std::nullopt : std::optional(found->second);
  }
  // Of a setting that always has a value; std::logic_error for any other.
  std::int64_t at(std::string_view setting) const {
    if (const auto value = find(setting)) return *value;
    throw std::logic_error("RunPlan: no value of " + std::string(setting));
  }
};

// What cannot be asked for; what() says why.
class PlanError : public std::invalid_argument {
 public:
  PlanError(std::string option, const std::string& why)
      : std::invalid_argument(why), option_(std::move(option)) {}

  const std::string& option() const { return option_; }  // As it was typed: "--count".

 private:
  std::string option_;
};

// What an application was told of a call that has ended. Valid while it is told.
struct RunEvent {
  Instant ended;
  Duration elapsed{};          // From its first transmission until then.
  bool is_good = false;        // It is what was asked for.
  std::string_view subject;    // What the call was about: "Michael". Any bytes.
  std::string_view predicate;  // "is greeted".
  std::uint64_t attempts = 0;  // 0 where nobody counts them.
  std::string_view request{};  // The datagram that asked, if one did and can be told by it.
};

// What a run came to.
struct RunFigures {
  // In JSON by its name, in a text by its words, unless there are none.
  struct Count {
    std::string_view name;   // "gave_up".
    std::string_view words;  // "gave up".
    std::uint64_t count = 0;
    bool is_of_all = false;  // In a text, "3 of 5" calls.
  };
  // Counts that a text shows in a line, when they are not zero.
  struct List {
    std::string_view words;
    std::vector<std::pair<std::string_view, std::uint64_t>> counts;
  };

  std::uint64_t asked = 0;
  std::uint64_t ended = 0;
  std::vector<Count> counts{};
  std::vector<List> lists{};
  std::optional<Histogram> rtt{};  // Round trips, where they are measured.
};

// The hosts of one run, and the application on top of them, which makes the calls of its plan.
class ProtocolRun {
 public:
  virtual ~ProtocolRun() = default;

  virtual Endpoint& endpoint(std::size_t host) = 0;
  // How many calls there are, and how many of them have ended.
  virtual std::uint64_t asked() const = 0;
  virtual std::uint64_t ended() const = 0;
  virtual RunFigures figures() const = 0;
  // Whether one of the protocol's properties holds now.
  virtual bool holds(std::size_t /*property*/) const { return true; }
  // How long a perfect network takes to make good what a bad one did: see Property::When.
  virtual Duration settles_within() const { return Duration::zero(); }
  // Events that a run may have, whatever the network does. One that has more does not end.
  virtual std::uint64_t events_max() const { return 1'000'000'000; }
};

struct Property {
  enum class When : std::uint8_t {
    kAlways,      // After each event.
    kAtRest,      // When nothing is in flight and no timer is armed.
    kEventually,  // From ProtocolRun::settles_within() after the network's last fault on.
    kSometimes,   // In one run at least.
  };

  std::string name;      // "whole".
  std::string sentence;  // "what is fetched is the file, byte for byte".
  When when = When::kAlways;
};

struct Protocol {
  // Told of each call that ends. May be empty, which costs nothing.
  using Listener = std::function<void(const RunEvent&)>;
  // A datagram in one line of printable text, whatever it holds.
  using Describe = std::function<std::string(std::span<const std::byte> payload)>;

  std::string name;      // "tftp": a word.
  std::string sentence;  // What it is, and what a run does.
  std::string title;     // Of its options in --help: "Transfers".
  std::string calls;     // What progress counts: "transfers".
  std::string call;      // One of them, in sentences: "transfer".
  // What would put more datagrams on their way at a time, for who wonders why nothing was
  // reordered.
  std::string to_have_more;
  std::vector<Setting> settings{};
  std::vector<CallKind> call_kinds{};
  std::vector<Property> properties{};
  // Whether the properties hold even when datagrams change on their way so that the checksum misses
  // it: else a fuzzer lets none change.
  bool survives_damage = false;
  // Whether each event names its request; else a report finds out by what answers look like.
  bool tells_requests = false;

  // The hosts of a run: `plan` has no addresses yet. Throws PlanError for a plan that cannot be.
  std::function<std::vector<HostRole>(const RunPlan& plan)> hosts;
  std::function<std::unique_ptr<ProtocolRun>(const RunPlan& plan, Listener listener)> make_run;
  Describe describe{};  // Without one a datagram is quoted.
};

}  // namespace lossy
