// A TFTP server: hands out files and takes some, each transfer from a port of its own.
//
// It is for a host that has every port of its address: requests come to one port, and what answers
// them leaves from the transfer's (RFC 1350 section 4). A request that comes again while its
// transfer lasts begins no second one.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <lossy/core/endpoint.hpp>
#include <lossy/core/tftp/ports.hpp>
#include <lossy/core/tftp/transfer.hpp>

namespace lossy::tftp {

// Where a server's files are.
class Files {
 public:
  virtual ~Files() = default;
  // The content, or nothing when there is no such file. Valid until the next call.
  virtual std::optional<std::span<const std::byte>> read(std::string_view name) = 0;
  // Why a file of this name would not be taken, kAccess or kDiskFull, or nothing when it would.
  virtual std::optional<ErrorCode> refusal(std::string_view /*name*/) const { return std::nullopt; }
  // Takes it, when all of it has come.
  virtual void write(std::string_view name, std::vector<std::byte> content) = 0;
};

// Files in memory, of any names. What is written replaces what was there.
class MemoryFiles final : public Files {
 public:
  std::optional<std::span<const std::byte>> read(std::string_view name) override {
    const auto file = files.find(name);
    if (file == files.end()) return std::nullopt;
    return file->second;
  }
  void write(std::string_view name, std::vector<std::byte> content) override {
    files.insert_or_assign(std::string(name), std::move(content));
  }

  std::map<std::string, std::vector<std::byte>, std::less<>> files;
};

struct ServerOptions {
  std::uint16_t port = 69;  // Where requests come to.
  RetryOptions retry{};
  std::size_t transfers_max = 1024;  // At a time, 1 to 8192. More are refused with an ERROR.
  std::uint16_t block_bytes_max = kBlockBytesMax;  // The most that is granted.
  std::uint64_t file_bytes_max = std::uint64_t{1} << 30;
  bool answers_every_ack = false;  // See TransferSetup.
};

struct ServerCounters {
  std::uint64_t received = 0;
  std::uint64_t requests = 0;  // That began a transfer.
  std::uint64_t refused = 0;   // That did not: no such file, too many at a time.
  std::uint64_t repeated = 0;  // That came again.
  std::uint64_t unknown = 0;   // For no transfer: answered with an ERROR, or an ERROR itself.
  std::array<std::uint64_t, 4> ended{};  // Transfers that are over, by End.
  std::array<std::uint64_t, kMalformedCount> malformed{};
};

// The verbs and their order of calls: see Endpoint.
class Server final : public Endpoint {
 public:
  // The files must outlive it. std::logic_error when an option is outside its range.
  Server(const ServerOptions& options, Files& files);

  void handle_datagram(Instant now, const Datagram& datagram) override;
  void handle_refusal(Instant now, const Address& destination) override;
  void handle_timeout(Instant now) override;
  std::optional<Transmit> poll_transmit(Instant now, std::span<std::byte> buffer) override;
  std::optional<Instant> poll_timeout() const override;
  bool listens_at(const Address& local) const override;

  std::size_t transfers() const { return transfers_.size(); }
  // Transfers that have ended so, those among them that stay to acknowledge their last block again.
  std::uint64_t ended(End end) const;
  // Transfers that have not ended.
  std::uint64_t under_way() const;
  const ServerCounters& counters() const { return counters_; }
  // ERRORs that were not sent, because too many others waited.
  std::uint64_t errors_dropped() const { return errands_.dropped(); }

 private:
  using Transfers = std::list<Transfer>;

  void handle_request(Instant now, const Datagram& datagram, const Request& request);
  void refuse(const Datagram& datagram, ErrorCode code, std::string_view why);
  TransferOptions granted(const Request& request, std::size_t file_bytes) const;
  void settle(Transfers::iterator transfer);
  void forget(Transfers::iterator transfer);
  bool has_port(std::uint16_t port) const { return by_port_.contains(port); }

  ServerOptions options_;
  Files& files_;
  Ports ports_;
  Transfers transfers_;  // In the order in which they began.
  std::unordered_map<std::uint16_t, Transfers::iterator> by_port_;
  std::unordered_map<Address, Transfers::iterator> by_client_;
  Errands errands_;
  ServerCounters counters_;
};

}  // namespace lossy::tftp
