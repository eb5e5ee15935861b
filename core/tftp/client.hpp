// A TFTP client: fetches files and stores them, one after the other, and tells how each ended.
//
// Each transfer has a port of its own where the host has every port of its address, as RFC 1350
// section 4 asks for; else all leave from the host's one port. The next transfer begins when the
// last has ended, though that may stay for a while to acknowledge its last block again.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lossy/core/endpoint.hpp>
#include <lossy/core/tftp/ports.hpp>
#include <lossy/core/tftp/transfer.hpp>

namespace lossy::tftp {

struct ClientOptions {
  Address server{};  // Where requests go.
  RetryOptions retry{};
  TransferOptions options{};  // What is asked for. tsize is what it is, whatever is given here.
  std::uint64_t file_bytes_max = std::uint64_t{1} << 30;
  std::optional<Address> local{};  // The address of transfers' ports; the port is not looked at.
  bool answers_every_ack = false;  // See TransferSetup.
};

struct ClientEvent {
  std::uint64_t transfer = 0;  // What get() or put() gave.
  bool sends = false;
  std::string file{};
  End end = End::kDone;
  std::string reason{};  // Empty when it is done.
  std::uint64_t bytes = 0;
  std::vector<std::byte> content{};  // What was fetched, when it is done.
  TransferCounters counters{};
  Instant ended{};
  Duration elapsed{};  // From its request until then.
};

// The verbs and their order of calls: see Endpoint. poll_event() belongs to them.
class Client final : public Endpoint {
 public:
  explicit Client(const ClientOptions& options) : options_(options) {}

  // Asks for a transfer, and gives its number, from 1. std::logic_error when `file` is not 1 to
  // kFileNameBytesMax bytes without a 0.
  std::uint64_t get(std::string_view file);
  std::uint64_t put(std::string_view file, std::vector<std::byte> content);

  void handle_datagram(Instant now, const Datagram& datagram) override;
  void handle_refusal(Instant now, const Address& destination) override;
  void handle_timeout(Instant now) override;
  std::optional<Transmit> poll_transmit(Instant now, std::span<std::byte> buffer) override;
  std::optional<ClientEvent> poll_event();
  std::optional<Instant> poll_timeout() const override;
  bool listens_at(const Address& local) const override;

  // Transfers that have not ended.
  std::size_t pending() const { return waiting_.size() + (active_ ? 1 : 0); }
  std::uint64_t malformed() const { return malformed_; }
  // ERRORs that were not sent, because too many others waited.
  std::uint64_t errors_dropped() const { return errands_.dropped(); }

 private:
  struct Waiting {
    std::uint64_t number = 0;
    bool sends = false;
    std::string file;
    std::vector<std::byte> content;
  };

  std::uint64_t ask(bool sends, std::string_view file, std::vector<std::byte> content);
  void start_next(Instant now);
  // Tells of the transfer that has ended, and lets it stay or go.
  void settle(Instant now);
  // Whose datagram it is, or may be.
  Transfer* find(const Datagram& datagram);

  ClientOptions options_;
  Ports ports_;
  std::deque<Waiting> waiting_;
  std::deque<Transfer> staying_;  // The oldest first.
  std::optional<Transfer> active_;
  std::uint64_t active_number_ = 0;
  Instant active_since_{};
  std::deque<ClientEvent> events_;
  Errands errands_;
  std::uint64_t last_number_ = 0;
  std::uint64_t malformed_ = 0;
};

}  // namespace lossy::tftp
