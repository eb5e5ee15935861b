// Lesson 5. A datagram longer than the buffer is cut, and its end is gone (recv(2)).
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include <lossy/core/counted.hpp>
#include <lossy/core/endpoint.hpp>
#include <lossy/harness/learn/simulated.hpp>
#include <lossy/harness/learn/sockets/socket_experiment.hpp>

namespace lossy {
namespace {

constexpr std::array kTakes{Taken{Parameter::kBytes, "1500", 1, kPayloadBytesMaxV4},
                            Taken{Parameter::kBuffer, "1024", 1, kPayloadBytesMaxV4}};

// Receives once with recvmsg(), and says whether it marked the datagram as cut.
CallResult receive_marked(const UdpSocket& socket, std::span<std::byte> buffer, bool& marked) {
  iovec part{.iov_base = buffer.data(), .iov_len = buffer.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  const long received = ::recvmsg(socket.fd(), &message, MSG_DONTWAIT);
  marked = received >= 0 && (message.msg_flags & MSG_TRUNC) != 0;
  return {.bytes = received, .error = received < 0 ? errno : 0};
}

Outcome run(const Settings& settings) {
  const std::size_t bytes = settings.size(Parameter::kBytes);
  std::vector<std::byte> buffer(settings.size(Parameter::kBuffer));
  const UdpSocket server = UdpSocket::listen(loopback());
  const UdpSocket client = UdpSocket::connect(server.local_address());
  const std::vector<std::byte> datagram(bytes, std::byte{'A'});

  CallResult sent;
  const auto send = [&] { sent = send_bytes(client, server.local_address(), datagram); };
  send();
  const CallResult plain = receive_bytes(server, buffer);
  const CallResult rest = receive_bytes(server, buffer);
  send();
  bool marked = false;
  const CallResult with_flags = receive_marked(server, buffer, marked);
  send();
  const CallResult asked = receive_bytes(server, buffer, MSG_TRUNC);

  Outcome outcome;
  outcome.experiment = fmt::format(
      "A datagram of {} goes to a socket of this machine, which "
      "receives it into a buffer of {}: with recv, with recvmsg, and "
      "with recv and MSG_TRUNC.",
      counted(bytes, "byte"), buffer.size());
  const std::string arrow = fmt::format("send: {}", words_of(sent));
  outcome.ladder.lines = {
      step(Step::kUp, arrow),
      step(Step::kServer, "recv: " + words_of(plain)),
      step(Step::kServer, "recv again, for the rest: " + words_of(rest)),
      step(Step::kUp, arrow),
      step(Step::kServer, fmt::format("recvmsg: {}, {}", words_of(with_flags),
                                      marked ? "with the mark MSG_TRUNC" : "no mark")),
      step(Step::kUp, arrow),
      step(Step::kServer, "recv with MSG_TRUNC: " + words_of(asked))};

  const bool cuts = bytes > buffer.size();
  const auto kept = static_cast<double>(std::min(bytes, buffer.size()));
  outcome.figures = {
      promise("sent", "sent", static_cast<double>(sent.bytes), static_cast<double>(bytes),
              FigureUnit::kBytes),
      promise("received", "received, as recv tells it", static_cast<double>(plain.bytes), kept,
              FigureUnit::kBytes),
      promise("left", "left for the next recv", static_cast<double>(std::max(0L, rest.bytes)), 0,
              FigureUnit::kBytes),
      promise("marked", "marked as cut by recvmsg", marked ? 1 : 0, cuts ? 1 : 0),
      promise("asked", "received, as recv with MSG_TRUNC tells it",
              static_cast<double>(asked.bytes), static_cast<double>(bytes), FigureUnit::kBytes)};
  const long lost = sent.bytes - plain.bytes;
  outcome.claims = {
      {lost > 0 ? fmt::format("recv lost {}, and said nothing of it.",
                              counted(static_cast<std::uint64_t>(lost), "byte"))
                : "Nothing was cut: the buffer is long enough.",
       lost > 0},
      {marked ? "Whoever looks at recvmsg's flags is told." : "recvmsg had nothing to tell.",
       marked},
      {fmt::format("Whoever asks with MSG_TRUNC is told how long it was: {}.", words_of(asked)),
       asked.bytes == sent.bytes && lost > 0}};
  outcome.why = {
      "TCP is a stream: what does not fit the buffer comes with the next recv. A datagram is one "
      "thing. What does not fit is thrown away, and the next recv gives the next datagram.",
      fmt::format("recv returns what it wrote, {}, which looks like a datagram of that length. "
                  "With a buffer of one byte more than is allowed, a full one gives the cut away. "
                  "lossy's server has room for all that UDP can carry, and is silent on what is "
                  "longer than 1024.",
                  words_of(plain))};
  outcome.play = "lossy simulate --faults=uplink.1:truncate=3 --trace";
  return outcome;
}

}  // namespace

Lesson cut_lesson() {
  return {
      .number = 5,
      .name = "cut",
      .title = "The buffer cuts",
      .group = kHostGroup,
      .left_out = "A tutorial receives into a buffer of 1024 bytes. A datagram may have 65,507.",
      .question =
          "A datagram is longer than the receiver's buffer. Does the rest come with the "
          "next recv, as with TCP? Does anybody say that something is missing?",
      .takes = kTakes,
      .takes_no_other = "it sends a datagram over sockets of this machine, which lose nothing",
      .run = run};
}

}  // namespace lossy
