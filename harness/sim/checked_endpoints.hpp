// A greeting client and a greeting server that are held against what they must do, call by call.
// Whatever drives endpoints can drive these in their place. Each call throws PropertyViolation when
// a property does not hold.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include <lossy/core/greeting/client.hpp>
#include <lossy/core/greeting/server.hpp>
#include <lossy/harness/sim/client_model.hpp>

namespace lossy {

// The verbs and their order of calls: see Client. After them, settled().
class CheckedClient final : public Endpoint {
 public:
  // It takes `requests_max` requests, at most. Call start() first.
  explicit CheckedClient(std::size_t requests_max) : model_(requests_max) {}

  // A new client in the place of the old one.
  void start(const ClientOptions& options);
  // Frees the client, whose memory is not needed until the next start().
  void stop() { client_.reset(); }

  bool full() const { return model_.full(); }
  void greet(std::string_view name);

  void handle_datagram(Instant now, const Datagram& datagram) override;
  void handle_timeout(Instant now) override;
  std::optional<Transmit> poll_transmit(Instant now, std::span<std::byte> buffer) override;
  std::optional<ClientEvent> poll_event();
  std::optional<Instant> poll_timeout() const override { return client_->poll_timeout(); }

  // Everything was drained: all that should have come out has.
  void settled() const { model_.settled(*client_); }
  // From now on nothing is lost, so that whatever is sent must be greeted.
  void network_turns_perfect() { model_.network_turns_perfect(); }
  void all_must_have_ended() const;

  std::size_t requests() const { return model_.count(); }
  const ClientCounters& counters() const { return client_->counters(); }

 private:
  std::optional<Client> client_;
  ClientModel model_;
};

// The verbs and their order of calls: see Server.
class CheckedServer final : public Endpoint {
 public:
  // A new server in the place of the old one. Call it first.
  void start();

  // Call poll_transmit() once behind it, at once: that is when the server must answer, or not.
  void handle_datagram(Instant now, const Datagram& datagram) override;
  void handle_timeout(Instant now) override { server_->handle_timeout(now); }
  std::optional<Transmit> poll_transmit(Instant now, std::span<std::byte> buffer) override;
  std::optional<Instant> poll_timeout() const override;

  // Everything was drained.
  void settled() const;

  const ServerCounters& counters() const { return server_->counters(); }

 private:
  std::optional<Server> server_;
  ServerCounters counters_;
  // What it must answer now.
  bool answer_is_due_ = false;
  Address from_;
  std::size_t name_bytes_ = 0;
  std::array<char, kNameBytesMax> name_;
};

}  // namespace lossy
