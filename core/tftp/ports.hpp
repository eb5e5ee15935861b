// Ports that transfers take, one each, and the errors that go to whoever is in no transfer.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include <lossy/core/endpoint.hpp>
#include <lossy/core/tftp/message.hpp>

namespace lossy::tftp {

// Gives the dynamic ports of RFC 6335 one after the other, and begins again behind the last.
class Ports {
 public:
  static constexpr std::uint16_t kFirst = 49'152;
  static constexpr std::size_t kCount = 16'384;

  std::uint16_t next() {
    const std::uint16_t port = next_;
    next_ = next_ == UINT16_MAX ? kFirst : static_cast<std::uint16_t>(next_ + 1);
    return port;
  }

 private:
  std::uint16_t next_ = kFirst;
};

// ERRORs to be sent, and not repeated (RFC 1350 section 7).
class Errands {
 public:
  static constexpr std::size_t kMax = 64;  // More at once are not answered, and counted.

  void add(const Address& destination, std::optional<Address> source, ErrorCode code,
           std::string_view text) {
    if (waiting_.size() == kMax) {
      ++dropped_;
    } else {
      waiting_.push_back({destination, source, {code, text}});
    }
  }
  std::optional<Transmit> poll_transmit(std::span<std::byte> buffer) {
    if (waiting_.empty()) return std::nullopt;
    const Errand errand = waiting_.front();
    waiting_.pop_front();
    return Transmit{.destination = errand.destination,
                    .size = write(errand.error, buffer),
                    .source = errand.source};
  }
  std::uint64_t dropped() const { return dropped_; }

 private:
  struct Errand {
    Address destination;
    std::optional<Address> source;
    Error error;  // Its text lives as long as the program.
  };
  std::deque<Errand> waiting_;
  std::uint64_t dropped_ = 0;
};

}  // namespace lossy::tftp
