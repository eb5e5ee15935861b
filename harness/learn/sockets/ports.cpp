// Lesson 6. A port belongs to a protocol: UDP's and TCP's are two (RFC 768, RFC 9293).
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <system_error>

#include <lossy/harness/learn/simulated.hpp>
#include <lossy/harness/learn/sockets/socket_experiment.hpp>
#include <lossy/harness/net/socket_address.hpp>

namespace lossy {
namespace {

constexpr std::array kTakes{Taken{Parameter::kPort, "9999", 1, 65'535}};
constexpr std::string_view kByUdp = "by UDP";
constexpr std::string_view kByTcp = "by TCP";
constexpr int kPortsTriedMax = 100;
constexpr int kPatienceMs = 10'000;

[[noreturn]] void fail(const char* attempted) {
  throw std::system_error(errno, std::generic_category(), attempted);
}

FileDescriptor tcp_socket() {
  FileDescriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (fd.number() < 0) fail("cannot open a TCP socket");
  const int on = 1;  // What an earlier connection left behind does not keep the port.
  ::setsockopt(fd.number(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const linger none{.l_onoff = 1, .l_linger = 0};  // And this one leaves nothing behind.
  ::setsockopt(fd.number(), SOL_SOCKET, SO_LINGER, &none, sizeof none);
  return fd;
}

struct Both {
  std::optional<UdpSocket> udp;
  FileDescriptor tcp;
};

// Both at one address, or nothing when either is taken.
std::optional<Both> bind_both(const Address& address) {
  Both both;
  try {
    both.udp = UdpSocket::listen(address);
  } catch (const std::system_error& error) {
    if (error.code().value() != EADDRINUSE) throw;
    return std::nullopt;
  }
  both.tcp = tcp_socket();
  const SocketAddress name(both.udp->local_address());
  if (::bind(both.tcp.number(), name.data(), name.size) != 0 ||
      ::listen(both.tcp.number(), 1) != 0) {
    if (errno != EADDRINUSE) fail("cannot listen for TCP");
    return std::nullopt;
  }
  return both;
}

// At the port that is asked for, or else at a free one.
Both bind_somewhere(std::uint16_t port) {
  for (int tried = 0; tried < kPortsTriedMax; ++tried) {
    if (auto both = bind_both(loopback(tried == 0 ? port : std::uint16_t{0})))
      return *std::move(both);
  }
  throw std::system_error(EADDRINUSE, std::generic_category(),
                          "cannot find a port that both UDP and TCP have free");
}

std::string receive_by_tcp(int listener, const Address& address) {
  const SocketAddress name(address);
  const FileDescriptor client = tcp_socket();
  if (::connect(client.number(), name.data(), name.size) != 0) fail("cannot connect by TCP");
  if (::send(client.number(), kByTcp.data(), kByTcp.size(), MSG_NOSIGNAL) < 0) {
    fail("cannot send by TCP");
  }
  const FileDescriptor server(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
  if (server.number() < 0) fail("cannot accept by TCP");
  pollfd ready{.fd = server.number(), .events = POLLIN, .revents = 0};
  std::array<char, 64> buffer{};
  if (::poll(&ready, 1, kPatienceMs) != 1) return {};
  const long received = ::recv(server.number(), buffer.data(), buffer.size(), 0);
  return {buffer.data(), static_cast<std::size_t>(std::max(0L, received))};
}

Outcome run(const Settings& settings) {
  const auto wanted = static_cast<std::uint16_t>(settings.whole(Parameter::kPort));
  const Both both = bind_somewhere(wanted);
  const Address address = both.udp->local_address();
  const bool second_udp = bind_both(address).has_value();

  const UdpSocket client = UdpSocket::connect(address);
  send_bytes(client, address, std::as_bytes(std::span(kByUdp)));
  const std::string by_tcp = receive_by_tcp(both.tcp.number(), address);
  std::array<std::byte, 64> buffer{};
  const CallResult got = receive_bytes(*both.udp, buffer);
  const std::string by_udp(reinterpret_cast<const char*>(buffer.data()),
                           static_cast<std::size_t>(std::max(0L, got.bytes)));
  const CallResult more = receive_bytes(*both.udp, buffer);

  Outcome outcome;
  outcome.experiment = fmt::format(
      "A UDP socket and a TCP socket are both bound to {}{}, and a "
      "message is sent to each.",
      address.to_string(),
      address.port() == wanted ? std::string()
                               : fmt::format(" ({} is taken on this machine)", wanted));
  outcome.ladder.lines = {
      step(Step::kServer, "UDP bound to " + address.to_string()),
      step(Step::kServer, "TCP bound to " + address.to_string()),
      step(Step::kServer, second_udp ? "UDP bound to it once more"
                                     : "UDP bound to it once more: Address already in use"),
      step(Step::kUp, fmt::format("UDP: \"{}\"", kByUdp)),
      step(Step::kUp, fmt::format("TCP: \"{}\"", kByTcp)),
      step(Step::kServer, fmt::format("UDP socket: \"{}\"", by_udp)),
      step(Step::kServer, fmt::format("TCP socket: \"{}\"", by_tcp))};
  outcome.figures = {
      promise("bound", "sockets bound to the port, of both protocols", 2, 2),
      promise("udp_messages", "messages that the UDP socket got",
              (got.error == 0 ? 1 : 0) + (more.error == 0 ? 1 : 0), 1),
      promise("second_udp", "further UDP sockets that could be bound", second_udp ? 1 : 0, 0)};
  outcome.claims = {{fmt::format("What came by UDP was \"{}\", and by TCP \"{}\".", by_udp, by_tcp),
                     by_udp == kByUdp && by_tcp == kByTcp}};
  outcome.why = {
      "The IP header says which protocol a packet is for, 17 for UDP and 6 for TCP, and only then "
      "does the kernel look for the port, in a table of that protocol's own. So UDP's and TCP's "
      "ports of one number have nothing to do with each other: DNS listens on both, at 53.",
      "That a port is open says nothing of the other protocol: a firewall must name both, and a "
      "check by TCP does not find out whether a UDP server is there."};
  outcome.play = fmt::format("lossy serve --listen={}", address.to_string());
  return outcome;
}

}  // namespace

Lesson ports_lesson() {
  return {.number = 6,
          .name = "ports",
          .title = "UDP and TCP share a port number and do not collide",
          .group = kHostGroup,
          .left_out =
              "A tutorial has a TCP server on port 9999, and then a UDP server on port "
              "9999. It does not say that both may run at once.",
          .question = "A TCP server has port 9999. Can a UDP server have it, too? Who gets what?",
          .takes = kTakes,
          .takes_no_other = "it sends two messages over sockets of this machine",
          .run = run};
}

}  // namespace lossy
