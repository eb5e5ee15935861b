#include <lossy/core/tftp/server.hpp>

#include <algorithm>
#include <utility>

#include <lossy/core/check.hpp>

namespace lossy::tftp {

Server::Server(const ServerOptions& options, Files& files) : options_(options), files_(files) {
  check(options_.transfers_max >= 1 && options_.transfers_max <= Ports::kCount / 2,
        "tftp::Server: transfers_max outside its range");
}

void Server::handle_datagram(Instant now, const Datagram& datagram) {
  ++counters_.received;
  const Parsed message = parse(datagram.payload);
  if (const auto* why = std::get_if<Malformed>(&message)) {
    ++counters_.malformed[static_cast<std::size_t>(*why)];
    // It is a request by the book, and whoever made it would wait in vain.
    if (*why == Malformed::kMode && datagram.destination.port() == options_.port) {
      refuse(datagram, ErrorCode::kUndefined, "only mode octet is spoken here");
    }
    return;
  }
  if (datagram.destination.port() == options_.port) {
    if (const auto* request = std::get_if<Request>(&message)) {
      handle_request(now, datagram, *request);
      return;
    }
  } else if (const auto port = by_port_.find(datagram.destination.port()); port != by_port_.end()) {
    if (port->second->handle(now, datagram.source, message)) {
      settle(port->second);
      return;
    }
  }
  ++counters_.unknown;
  if (std::holds_alternative<Error>(message)) return;
  errands_.add(datagram.source, datagram.destination, ErrorCode::kUnknownTransfer,
               "unknown transfer");
}

void Server::handle_request(Instant now, const Datagram& datagram, const Request& request) {
  if (const auto known = by_client_.find(datagram.source); known != by_client_.end()) {
    ++counters_.repeated;
    const TransferSetup& setup = known->second->setup();
    if (setup.file == request.file && setup.sends == !request.writes) {
      known->second->handle_request_again(now);
      return;
    }
    // The client has another wish, from the port that it had: it has forgotten the first.
    forget(known->second);
  }
  if (transfers_.size() >= options_.transfers_max) {
    refuse(datagram, ErrorCode::kUndefined, "too many transfers");
    return;
  }
  TransferSetup setup{.is_client = false,
                      .sends = !request.writes,
                      .peer = datagram.source,
                      .file = std::string(request.file),
                      .file_bytes_max = options_.file_bytes_max,
                      .retry = options_.retry,
                      .answers_every_ack = options_.answers_every_ack};
  if (request.writes) {
    if (const auto why = files_.refusal(request.file)) {
      refuse(datagram, *why,
             *why == ErrorCode::kDiskFull ? "there is no room for it" : "this file is not taken");
      return;
    }
    if (request.options.file_bytes.value_or(0) > options_.file_bytes_max) {
      refuse(datagram, ErrorCode::kDiskFull, "the file is too long");
      return;
    }
  } else {
    const auto content = files_.read(request.file);
    if (!content) {
      refuse(datagram, ErrorCode::kNoSuchFile, "no such file");
      return;
    }
    setup.content.assign(content->begin(), content->end());
  }
  setup.options = granted(request, setup.content.size());
  // There are twice as many ports as transfers.
  std::uint16_t port = ports_.next();
  while (has_port(port) || port == options_.port) port = ports_.next();
  setup.local = with_port(datagram.destination, port);
  ++counters_.requests;
  transfers_.emplace_back(std::move(setup), now);
  by_port_[port] = std::prev(transfers_.end());
  by_client_[datagram.source] = std::prev(transfers_.end());
}

void Server::refuse(const Datagram& datagram, ErrorCode code, std::string_view why) {
  ++counters_.refused;
  errands_.add(datagram.source, datagram.destination, code, why);
}

TransferOptions Server::granted(const Request& request, std::size_t file_bytes) const {
  TransferOptions options = request.options;
  if (options.block_bytes) {
    options.block_bytes = std::min(*options.block_bytes, options_.block_bytes_max);
  }
  if (options.file_bytes && !request.writes) options.file_bytes = file_bytes;
  return options;
}

void Server::handle_refusal(Instant, const Address& destination) {
  const auto client = by_client_.find(destination);
  if (client == by_client_.end()) return;
  client->second->handle_refusal();
  settle(client->second);
}

void Server::handle_timeout(Instant now) {
  for (auto transfer = transfers_.begin(); transfer != transfers_.end();) {
    const auto one = transfer++;
    one->handle_timeout(now);
    settle(one);
  }
}

void Server::settle(Transfers::iterator transfer) {
  if (transfer->has_file()) files_.write(transfer->setup().file, transfer->take_file());
  if (transfer->is_over()) forget(transfer);
}

void Server::forget(Transfers::iterator transfer) {
  if (transfer->end()) ++counters_.ended[static_cast<std::size_t>(*transfer->end())];
  by_port_.erase(transfer->setup().local->port());
  by_client_.erase(transfer->peer());
  transfers_.erase(transfer);
}

std::uint64_t Server::ended(End end) const {
  const auto staying = std::ranges::count_if(
      transfers_, [end](const Transfer& transfer) { return transfer.end() == end; });
  return counters_.ended[static_cast<std::size_t>(end)] + static_cast<std::uint64_t>(staying);
}

std::uint64_t Server::under_way() const {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(transfers_, [](const Transfer& transfer) { return !transfer.end(); }));
}

std::optional<Transmit> Server::poll_transmit(Instant now, std::span<std::byte> buffer) {
  for (auto transfer = transfers_.begin(); transfer != transfers_.end(); ++transfer) {
    if (const auto transmit = transfer->poll_transmit(now, buffer)) {
      if (transfer->is_over()) forget(transfer);
      return transmit;
    }
  }
  return errands_.poll_transmit(buffer);
}

std::optional<Instant> Server::poll_timeout() const {
  std::optional<Instant> next;
  for (const Transfer& transfer : transfers_) {
    const auto one = transfer.poll_timeout();
    if (one && (!next || *one < *next)) next = one;
  }
  return next;
}

bool Server::listens_at(const Address& local) const {
  return local.port() == options_.port || has_port(local.port());
}

}  // namespace lossy::tftp
