// Lesson 7. Of n datagrams to a socket that nobody reads, as many stay as fit the buffer; the rest
// is dropped and counted by the kernel (SO_MEMINFO, SO_RXQ_OVFL). Each takes what the kernel needs
// for it, which the first one shows; one more is taken while less than the whole buffer is used.
#include <fmt/format.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <system_error>
#include <vector>

#include <lossy/core/counted.hpp>
#include <lossy/harness/learn/simulated.hpp>
#include <lossy/harness/learn/sockets/socket_experiment.hpp>

namespace lossy {
namespace {

constexpr std::array kTakes{Taken{Parameter::kCount, "1000", 2, 100'000},
                            Taken{Parameter::kBytes, "7", 1, 1400},
                            Taken{Parameter::kBuffer, "65536", 4096, 4'194'304}};

// How much of its memory the kernel has given to what waits.
std::uint32_t memory_taken(const UdpSocket& socket) {
  std::array<std::uint32_t, SK_MEMINFO_VARS> memory{};
  socklen_t size = sizeof memory;
  if (::getsockopt(socket.fd(), SOL_SOCKET, SO_MEMINFO, memory.data(), &size) != 0) {
    throw std::system_error(errno, std::generic_category(), "cannot ask for a socket's memory");
  }
  return memory[SK_MEMINFO_RMEM_ALLOC];
}

// The kernel gives twice what is asked for, for its own part of it.
void set_buffer(const UdpSocket& socket, std::uint64_t bytes) {
  const int half = static_cast<int>(bytes / 2);
  if (::setsockopt(socket.fd(), SOL_SOCKET, SO_RCVBUF, &half, sizeof half) != 0) {
    throw std::system_error(errno, std::generic_category(), "cannot set a socket's buffer");
  }
}

// Receives one, and gives the count of drops that comes with it.
std::uint32_t drops_told_with_next(const UdpSocket& socket) {
  std::array<std::byte, 2048> buffer{};
  alignas(cmsghdr) std::array<char, 256> control{};
  iovec part{.iov_base = buffer.data(), .iov_len = buffer.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  std::uint32_t drops = 0;
  if (::recvmsg(socket.fd(), &message, MSG_DONTWAIT) < 0) return drops;
  for (cmsghdr* told = CMSG_FIRSTHDR(&message); told != nullptr;
       told = CMSG_NXTHDR(&message, told)) {
    if (told->cmsg_level == SOL_SOCKET && told->cmsg_type == SO_RXQ_OVFL) {
      std::memcpy(&drops, CMSG_DATA(told), sizeof drops);
    }
  }
  return drops;
}

Outcome run(const Settings& settings) {
  const std::uint64_t count = settings.whole(Parameter::kCount);
  const std::vector<std::byte> datagram(settings.size(Parameter::kBytes), std::byte{'A'});
  const UdpSocket server = UdpSocket::listen(loopback());
  const UdpSocket client = UdpSocket::connect(server.local_address());
  set_buffer(server, settings.whole(Parameter::kBuffer));
  const int on = 1;
  ::setsockopt(server.fd(), SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
  const auto room = static_cast<double>(server.receive_buffer_bytes());

  std::uint64_t sent = 0;
  double each = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    sent += send_bytes(client, server.local_address(), datagram).error == 0 ? 1 : 0;
    if (i == 0) each = static_cast<double>(memory_taken(server));
  }
  const std::uint32_t dropped = server.kernel_drops();
  std::vector<std::byte> buffer(2048);
  std::uint64_t received = 0;
  while (receive_bytes(server, buffer).error == 0) ++received;
  // Only with a datagram that comes later does SO_RXQ_OVFL tell of those before it.
  send_bytes(client, server.local_address(), datagram);
  const std::uint32_t told = drops_told_with_next(server);

  const double fit = each > 0 ? std::floor(room / each) + 1 : 0;
  Outcome outcome;
  outcome.experiment = fmt::format(
      "{} of {} go to a socket of this machine that "
      "nobody reads meanwhile. {:.0f} bytes of the kernel's memory "
      "may wait there.",
      counted(count, "datagram"), counted(datagram.size(), "byte"), room);
  outcome.ladder.lines = {
      step(Step::kUp,
           fmt::format("{}: send: {}", counted(sent, "time"), counted(datagram.size(), "byte"))),
      step(Step::kServer, fmt::format("the first one takes {:.0f} bytes of memory", each)),
      step(dropped > 0 ? Step::kUpLost : Step::kUp, fmt::format("the kernel drops {}", dropped)),
      step(Step::kServer,
           fmt::format("recv, until nothing is left: {}", counted(received, "datagram"))),
      step(Step::kUp, "once more"),
      step(Step::kServer,
           fmt::format("recvmsg, with SO_RXQ_OVFL: {} dropped", counted(told, "was", "were")))};
  outcome.figures = {
      promise("sent", "sent, as far as send knows", real(sent), real(count)),
      {"received", "received", FigureUnit::kCount, real(received), std::min(fit, real(count)),
       // The kernel may account for some of what waits a little later.
       std::max(2.0, fit / 50)},
      promise("dropped", "dropped, as the kernel counts (SO_MEMINFO)", real(dropped),
              real(sent - received)),
      promise("told", "dropped, as the next one tells (SO_RXQ_OVFL)", real(told),
              real(sent - received))};
  outcome.claims = {
      {dropped > 0 ? fmt::format("{} of {} lost without any network, and no send failed.", dropped,
                                 counted(sent, "datagram was", "datagrams were"))
                   : "Nothing was lost: all of it fitted the buffer.",
       dropped > 0 && sent == count},
      {fmt::format("The kernel's count, {}, is what is missing: {}.", dropped, sent - received),
       dropped == sent - received}};
  outcome.why = {
      fmt::format("A datagram waits in the socket's buffer until somebody receives it. One of {} "
                  "takes {:.0f} of the kernel's memory, so {:.0f} fit {:.0f}; of what comes "
                  "then, each is dropped. UDP does not slow the sender down: that is what TCP's "
                  "window does.",
                  counted(datagram.size(), "byte"), each, fit, room),
      "So a server that pauses for a moment loses datagrams on a perfect network. Remedies: a "
      "larger buffer (SO_RCVBUF, net.core.rmem_max), reading faster, sending slower; and to look "
      "at "
      "the counters, here or in ss -um, before the network is blamed."};
  outcome.play = fmt::format("lossy learn full --count={} --bytes={} --buffer={}", count,
                             datagram.size(), 2 * settings.whole(Parameter::kBuffer));
  return outcome;
}

}  // namespace

Lesson full_lesson() {
  return {.number = 7,
          .name = "full",
          .title = "A full socket buffer loses datagrams without any network",
          .group = kHostGroup,
          .left_out =
              "On one machine nothing can get lost, a tutorial suggests: client and server "
              "are on 127.0.0.1.",
          .question =
              "A program sends to a socket of the same machine, which nobody reads for a "
              "moment. Is the sender slowed down, refused, or neither?",
          .takes = kTakes,
          .takes_no_other = "it sends over sockets of this machine, with no path in between",
          .run = run};
}

}  // namespace lossy
