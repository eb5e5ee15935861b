// Invariant: however many requests are outstanding, with whatever timeouts, and in whatever order
// they are answered, the properties of the client hold (harness/sim/properties.hpp).
//
// A conversation of a few operations never has many outstanding. Here there is no network: an input
// chooses the window and the timeouts; then each byte is a request, an answer to one of those that
// are outstanding, or time that passes.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <lossy/fuzz/input.hpp>
#include <lossy/fuzz/property.hpp>
#include <lossy/fuzz/trace.hpp>
#include <lossy/harness/sim/checked_endpoints.hpp>

namespace lossy::fuzz {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kRequestsMax = 64;
const Address kServerAddress = Address::v4({192, 0, 2, 2}, 9999);

// Large, and so made once.
CheckedClient& checked_client() {
  static CheckedClient client(kRequestsMax);
  return client;
}

class Window {
 public:
  explicit Window(Input& input) {
    sent_.reserve(kRequestsMax);
    const std::uint8_t shape = input.byte();
    client_.start({.server = kServerAddress,
                   .retry = {.initial_rto = shape & 1 ? 100ms : 1s,
                             .min_rto = shape & 2 ? 20ms : 200ms,
                             .max_rto = shape & 4 ? 1s : 60s,
                             .attempts_max = 1 + shape / 8 % 4},
                   .window = std::array<std::size_t, 4>{16, 8, 32, 4}[shape / 32 % 4]});
    while (!input.done()) operate(input.byte());
    // Nothing is answered any more: each is given up when its time has come.
    while (const auto timeout = client_.poll_timeout()) time_out(*timeout);
    client_.all_must_have_ended();
    client_.stop();
  }

 private:
  void operate(std::uint8_t byte) {
    const std::size_t argument = byte / 4;
    switch (byte % 4) {
      case 0:
      case 1: {
        if (client_.full()) return;
        // Some are asked for again, most are not.
        const std::size_t name = byte % 4 == 0 ? client_.requests() : argument % 16;
        client_.greet(std::to_string(name));
        return drain();
      }
      case 2:
        return answer(argument);
      default:
        // Up to the next timeout, or some way there.
        if (argument % 4 == 0) return time_out(client_.poll_timeout().value_or(now_));
        return time_out(now_ + argument * 5ms);
    }
  }

  // The n-th of those that were sent last is answered, if nothing else came of it.
  void answer(std::size_t n) {
    if (sent_.empty()) return;
    const std::size_t place = n % sent_.size();
    const std::string greeting = "Hello, " + sent_[place] + "!";
    sent_.erase(sent_.begin() + static_cast<std::ptrdiff_t>(place));
    client_.handle_datagram(now_, {kServerAddress, std::as_bytes(std::span(greeting))});
    drain();
  }

  void time_out(Instant when) {
    now_ = std::max(now_, when);
    client_.handle_timeout(now_);
    drain();
  }

  void drain() {
    while (const auto transmit = client_.poll_transmit(now_, buffer_)) {
      const auto* const name = reinterpret_cast<const char*>(buffer_.data());
      sent_.emplace_back(name, transmit->size);
    }
    while (const auto event = client_.poll_event()) {
      Trace::add(event->name);
      Trace::add(static_cast<std::uint64_t>(event->elapsed.count()));
    }
    client_.settled();
  }

  CheckedClient& client_ = checked_client();
  Instant now_{};
  std::vector<std::string> sent_;
  std::array<std::byte, kMessageBytesMax> buffer_;
};

}  // namespace
}  // namespace lossy::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  lossy::fuzz::Input input(data, size);
  return lossy::fuzz::must_hold([&input] { const lossy::fuzz::Window window(input); });
}
