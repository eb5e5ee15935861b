#include <lossy/core/greeting/server.hpp>

#include <cstring>

#include <lossy/core/check.hpp>

namespace lossy {

void Server::handle_datagram(Instant, const Datagram& datagram) {
  check(!answer_waits_, "Server: poll_transmit() must be drained before the next datagram");
  ++counters_.received;
  const ParsedName parsed = parse_request(datagram.payload);
  if (const auto* reason = std::get_if<Malformed>(&parsed)) {
    ++counters_.refused[static_cast<std::size_t>(*reason)];
    return;
  }
  answer_bytes_ = write_greeting(std::get<std::string_view>(parsed), answer_);
  client_ = datagram.source;
  answer_waits_ = true;
}

std::optional<Transmit> Server::poll_transmit(Instant, std::span<std::byte> buffer) {
  if (!answer_waits_) return std::nullopt;
  check(buffer.size() >= answer_bytes_, "Server: the buffer is too small");
  std::memcpy(buffer.data(), answer_.data(), answer_bytes_);
  answer_waits_ = false;
  ++counters_.answered;
  return Transmit{client_, answer_bytes_};
}

}  // namespace lossy
