// What must hold of the greeting protocol whatever the network does, each property with a name and
// a sentence. The simulator, the tests and the fuzzers check these and no others.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace lossy {

enum class GreetingProperty : std::uint8_t {
  // Of the client.
  kNumbered,
  kToTheServer,
  kAskedFor,
  kWindow,
  kOrder,
  kNotEarly,
  kEarliestFirst,
  kAttempts,
  kAboutARequest,
  kEndsOnce,
  kEndsForAReason,
  kGreetedWhenAnswered,
  kEventName,
  kEventAttempts,
  kEventTimes,
  kTold,
  kSentAgain,
  kPending,
  kOutstanding,
  kTimer,
  kNotIdle,
  kCountsSent,
  kCountsReceived,
  // Of the server.
  kServerAnswers,
  kServerReturns,
  kServerGreets,
  kServerSilent,
  kServerTimeless,
  kServerCounts,
  // Of both, once the network is perfect.
  kGreetedWhenPerfect,
  kAllEnd,
  kNothingLeft,
};

struct PropertyText {
  std::string_view name;
  std::string_view sentence;
};

// By GreetingProperty.
inline constexpr std::array<PropertyText, 32> kProperties{{
    {"numbered", "requests are numbered from 1 in the order asked"},
    {"to-the-server", "requests go to the server and nowhere else"},
    {"asked-for", "a request is sent only for a name that is asked for and has not ended"},
    {"window", "no more requests are outstanding than the window allows"},
    {"order", "requests that never waited for their name are sent in the order asked"},
    {"not-early", "a request is sent again only when its timeout has passed"},
    {"earliest-first", "of those whose timeout has passed the earliest is sent again first"},
    {"attempts", "no request is sent more often than its attempts allow"},
    {"about-a-request", "an event is about a request"},
    {"ends-once", "each request ends only once"},
    {"ends-for-a-reason", "a request ends only when it is answered or out of attempts"},
    {"greeted-when-answered", "a request is greeted when it was answered, and only then"},
    {"event-name", "an event has its request's name"},
    {"event-attempts", "an event has its request's attempts"},
    {"event-times", "an event has its request's times"},
    {"told", "a request that has ended is told of"},
    {"sent-again", "a request whose timeout has passed is sent again"},
    {"pending", "pending() counts what has not ended"},
    {"outstanding", "outstanding() counts what was sent and has not ended"},
    {"timer", "the timer is armed for the earliest timeout, and for nothing else"},
    {"not-idle", "a request that could be sent does not wait"},
    {"counts-sent", "every transmission is counted"},
    {"counts-received", "the client counts every datagram for what it was"},
    {"server-answers", "the server answers each name"},
    {"server-returns", "the server answers to where the name came from"},
    {"server-greets", "the server's answer is a greeting of the name"},
    {"server-silent", "the server does not speak unasked"},
    {"server-timeless", "the server has no timer"},
    {"server-counts", "the server counts every datagram for what it was"},
    {"greeted-when-perfect", "what is sent on a perfect network is greeted"},
    {"all-end", "on a perfect network every request ends"},
    {"nothing-left", "when all is done nothing is armed, on its way, sent or told"},
}};

constexpr const PropertyText& text_of(GreetingProperty property) {
  return kProperties[static_cast<std::size_t>(property)];
}

// A property that does not hold: a bug in the protocol, never in its input.
class PropertyViolation : public std::logic_error {
 public:
  explicit PropertyViolation(GreetingProperty property)
      : std::logic_error(std::string(text_of(property).name) + ": " +
                         std::string(text_of(property).sentence)),
        property_(property) {}

  GreetingProperty property() const { return property_; }

 private:
  GreetingProperty property_;
};

[[noreturn]] inline void violate(GreetingProperty property) {
  throw PropertyViolation(property);
}

inline void must(bool holds, GreetingProperty property) {
  if (!holds) [[unlikely]] {
    violate(property);
  }
}

}  // namespace lossy
