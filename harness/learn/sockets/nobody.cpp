// Lesson 4. The kernel answers a datagram to a port that nobody has with ICMP "port unreachable"
// (RFC 1122 section 4.1.3.1), and tells the sender's socket if that is connected, or asked for it.
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include <lossy/harness/learn/simulated.hpp>
#include <lossy/harness/learn/sockets/socket_experiment.hpp>

namespace lossy {
namespace {

constexpr std::string_view kName = "Michael";

struct Heard {
  CallResult sent;
  CallResult received;
  CallResult queued;  // From the error queue, MSG_ERRQUEUE.
};

Heard ask(const UdpSocket& socket, const Address& to) {
  std::array<std::byte, 64> buffer{};
  Heard heard;
  heard.sent = send_bytes(socket, to, std::as_bytes(std::span(kName)));
  heard.received = receive_bytes(socket, buffer);
  heard.queued = receive_bytes(socket, buffer, MSG_ERRQUEUE);
  return heard;
}

Outcome run(const Settings&) {
  // A port that nobody has, and nobody can get meanwhile: its socket listens to itself alone.
  UdpSocket reserved = UdpSocket::listen(loopback());
  const Address nobody = reserved.local_address();
  reserved.restrict_to(nobody);

  const UdpSocket unconnected_socket = UdpSocket::listen(loopback());
  const Heard unconnected = ask(unconnected_socket, nobody);
  const UdpSocket connected_socket = UdpSocket::connect(nobody);
  const Heard connected = ask(connected_socket, nobody);
  const UdpSocket asking_socket = UdpSocket::listen(loopback());
  const int on = 1;
  ::setsockopt(asking_socket.fd(), IPPROTO_IP, IP_RECVERR, &on, sizeof on);
  const Heard asking = ask(asking_socket, nobody);

  Outcome outcome;
  outcome.experiment = fmt::format(
      "A name goes to {}, a port of this machine that nobody listens on, from three sockets: one "
      "that is not connected, one that is, and one that is not but has asked for errors "
      "(IP_RECVERR).",
      nobody.to_string());
  const auto show = [&](const char* which, const Heard& heard) {
    outcome.ladder.add(
        step(Step::kUpLost, fmt::format("{}: sendto: {}", which, words_of(heard.sent))));
    outcome.ladder.add(step(Step::kDown, "ICMP port unreachable, to the kernel"));
    outcome.ladder.add(step(Step::kClient, "recv: " + words_of(heard.received)));
    if (heard.queued.error == 0) {
      outcome.ladder.add(step(Step::kClient, fmt::format("recv from the error queue: {}, and the "
                                                         "reason beside them",
                                                         words_of(heard.queued))));
    }
  };
  show("not connected", unconnected);
  show("connected", connected);
  show("not connected, IP_RECVERR", asking);

  const auto refused = [](const CallResult& result) { return result.error == ECONNREFUSED; };
  const auto sent = static_cast<double>(kName.size());
  outcome.figures = {promise("unconnected_sent", "not connected: sent, as far as sendto knows",
                             static_cast<double>(unconnected.sent.bytes), sent, FigureUnit::kBytes),
                     promise("unconnected_refusals", "not connected: refusals heard of",
                             refused(unconnected.received) ? 1 : 0, 0),
                     promise("connected_refusals", "connected: refusals heard of",
                             refused(connected.received) ? 1 : 0, 1),
                     promise("asking_refusals", "not connected, but asked: refusals heard of",
                             asking.queued.error == 0 || refused(asking.received) ? 1 : 0, 1)};
  outcome.claims = {
      {fmt::format("The socket that is not connected heard {}.", words_of(unconnected.received)),
       unconnected.received.error == EAGAIN},
      {fmt::format("The connected one heard: {}.", words_of(connected.received)),
       refused(connected.received)}};
  outcome.why = {
      "Sending succeeded each time: it only hands the datagram to the kernel. The other host said "
      "at once that nobody has the port, in an ICMP message that quotes the datagram's beginning. "
      "Our kernel looks for the socket that sent it.",
      "A socket that is not connected may have sent to many, and an error from recv could not say "
      "to whom: so it is not told, and waits forever, as the tutorial's client does. connect() on "
      "UDP sends nothing; it says whom the socket talks to, and so the error is its own. On Linux "
      "IP_RECVERR has errors queued, each with the datagram that it is about. A firewall may "
      "swallow them all: silence proves nothing."};
  outcome.play = "lossy greet --to=127.0.0.1:1";
  return outcome;
}

}  // namespace

Lesson nobody_lesson() {
  return {.number = 4,
          .name = "nobody",
          .title = "Nobody may be listening",
          .group = kHostGroup,
          .left_out =
              "A tutorial's client sends to a server that runs. Start the client first, and "
              "it waits forever, without an error.",
          .question =
              "You send to a port that nobody listens on. Who finds out: sendto, recv, or "
              "nobody?",
          .takes = {},
          .takes_no_other = "it sends one datagram over sockets of this machine",
          .run = run};
}

}  // namespace lossy
