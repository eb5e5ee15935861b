// What `scripts/bench net` measures with: bare programs as floors, with nothing of lossy in them,
// and the load for both. Each is the plain loop that the system calls suggest, for one flow.
//
//   lossy_net_bench echo PORT                 answers each datagram with itself, until killed
//   lossy_net_bench forward PORT SERVER       forwards one client's datagrams, until killed
//   lossy_net_bench load PORT SECONDS         round trips with 64 outstanding
//   lossy_net_bench sink PORT SECONDS         counts what arrives, from the first datagram on
//   lossy_net_bench bulk PORT SECONDS         sends 1200-byte datagrams as fast as it can, with GSO
//   lossy_net_bench flood PORT SOURCES EACH   sends so many datagrams each from so many addresses
//   lossy_net_bench late PORT SINK DELAY_US   how late a path with that delay is; SINK is behind it
//   lossy_net_bench spin PORT SERVER DELAY_US forwards each datagram that much later, until killed
//
// Ports are on 127.0.0.1. Results are one JSON object.
#include <arpa/inet.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t kBatch = 64;
constexpr std::size_t kBytesMax = 2048;
constexpr std::uint32_t kOutstanding = 64;
constexpr std::size_t kRequestBytes = 32;
// After this a request counts as lost. Long beside any round trip that is measured.
constexpr std::int64_t kLostAfterNs = 20'000'000;
constexpr std::size_t kBulkBytes = 1200;
constexpr std::size_t kBulkSegments = 50;

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(2);
}

std::int64_t clock_ns(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int udp_socket() {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0) fail("socket");
  const int bytes = 4 * 1024 * 1024;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  return fd;
}

int bound(std::uint16_t port) {
  const int fd = udp_socket();
  const sockaddr_in address = loopback(port);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("bind");
  return fd;
}

int connected(std::uint16_t port) {
  const int fd = udp_socket();
  const sockaddr_in address = loopback(port);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    fail("connect");
  }
  return fd;
}

// Room for a batch, with names or without.
struct Batch {
  explicit Batch(bool with_names) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      parts[i] = {bytes[i].data(), kBytesMax};
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
      if (with_names) {
        messages[i].msg_hdr.msg_name = &names[i];
        messages[i].msg_hdr.msg_namelen = sizeof names[i];
      }
    }
  }

  int receive(int fd, int flags) {
    for (std::size_t i = 0; i < kBatch; ++i) parts[i].iov_len = kBytesMax;
    const int taken = recvmmsg(fd, messages.data(), kBatch, flags, nullptr);
    for (int i = 0; i < taken; ++i) {
      const auto at = static_cast<std::size_t>(i);
      parts[at].iov_len = messages[at].msg_len;
    }
    return taken;
  }

  void send(int fd, int count) {
    for (int sent = 0; sent < count;) {
      const int more = sendmmsg(fd, messages.data() + sent, static_cast<unsigned>(count - sent), 0);
      if (more < 0 && errno != ECONNREFUSED) fail("sendmmsg");
      sent += std::max(more, 0);
    }
  }

  // Each row in other lines of the cache than its neighbours.
  std::array<std::array<std::byte, kBytesMax + 64>, kBatch> bytes{};
  std::array<sockaddr_in, kBatch> names{};
  std::array<iovec, kBatch> parts{};
  std::array<mmsghdr, kBatch> messages{};
};

void echo(std::uint16_t port) {
  const int fd = bound(port);
  Batch batch(true);
  while (true) {
    const int taken = batch.receive(fd, MSG_WAITFORONE);
    if (taken > 0) batch.send(fd, taken);
  }
}

void forward(std::uint16_t port, std::uint16_t server_port) {
  const int outside = bound(port);
  const int inside = connected(server_port);
  Batch up(true);
  Batch down(false);
  std::array<pollfd, 2> waited{{{outside, POLLIN, 0}, {inside, POLLIN, 0}}};
  sockaddr_in client{};
  while (true) {
    poll(waited.data(), waited.size(), -1);
    if ((waited[0].revents & POLLIN) != 0) {
      const int taken = up.receive(outside, MSG_DONTWAIT);
      client = up.names[0];
      for (std::size_t i = 0; i < kBatch; ++i) up.messages[i].msg_hdr.msg_name = nullptr;
      up.send(inside, taken);
      for (std::size_t i = 0; i < kBatch; ++i) {
        up.messages[i].msg_hdr.msg_name = &up.names[i];
        up.messages[i].msg_hdr.msg_namelen = sizeof up.names[i];
      }
    }
    if (waited[1].revents != 0) {
      const int taken = down.receive(inside, MSG_DONTWAIT);
      for (std::size_t i = 0; i < kBatch; ++i) {
        down.messages[i].msg_hdr.msg_name = &client;
        down.messages[i].msg_hdr.msg_namelen = sizeof client;
      }
      down.send(outside, taken);
      for (std::size_t i = 0; i < kBatch; ++i) {
        down.messages[i].msg_hdr.msg_name = nullptr;
        down.messages[i].msg_hdr.msg_namelen = 0;
      }
    }
  }
}

// Each of the outstanding requests has a slot and a number, which its text names; what is answered
// or lost is asked anew at once.
class Load {
 public:
  explicit Load(std::uint16_t port) : fd_(connected(port)), sent_at_(kOutstanding) {}

  void run(std::int64_t seconds) {
    const std::int64_t start = clock_ns(CLOCK_MONOTONIC);
    const std::int64_t end = start + seconds * 1'000'000'000;
    std::int64_t now = start;
    for (std::uint32_t slot = 0; slot < kOutstanding; ++slot) ask(slot, now);
    flush();
    for (std::int64_t look_for_lost = start; now < end;) {
      pollfd waited{fd_, POLLIN, 0};
      poll(&waited, 1, 5);
      const int taken = answers_.receive(fd_, MSG_DONTWAIT);
      now = clock_ns(CLOCK_MONOTONIC);
      for (int i = 0; i < taken; ++i) take(static_cast<std::size_t>(i), now);
      if (now >= look_for_lost) {
        for (std::uint32_t slot = 0; slot < kOutstanding; ++slot) {
          if (now - sent_at_[slot] < kLostAfterNs) continue;
          ++lost_;
          ask(slot, now);
        }
        look_for_lost = now + kLostAfterNs / 20;
      }
      flush();
    }
    std::printf("{\"round_trips\": %llu, \"lost\": %llu, \"seconds\": %.6f}\n",
                static_cast<unsigned long long>(round_trips_),
                static_cast<unsigned long long>(lost_), static_cast<double>(now - start) / 1e9);
  }

 private:
  static constexpr std::byte kMark{'#'};

  void take(std::size_t i, std::int64_t now) {
    // The greeting server puts "Hello, " in front.
    const std::byte* const text = answers_.bytes[i].data();
    const std::byte* const name = text[0] == kMark ? text : text + 7;
    if (name[0] != kMark) return;
    const auto slot = static_cast<std::uint32_t>(name[1]) - '0';
    if (slot >= kOutstanding || std::memcmp(name, names_[slot].data(), kRequestBytes) != 0) return;
    ++round_trips_;
    ask(slot, now);
  }

  // "#", the slot as a letter, and the number as hexadecimal digits: text, as a name has to be.
  void ask(std::uint32_t slot, std::int64_t now) {
    std::array<std::byte, kRequestBytes>& name = names_[slot];
    name.fill(std::byte{'x'});
    name[0] = kMark;
    name[1] = static_cast<std::byte>('0' + slot);
    std::uint32_t left = ++numbers_[slot];
    for (std::size_t digit = 2; digit < 10; ++digit, left >>= 4) {
      name[digit] = static_cast<std::byte>("0123456789abcdef"[left & 15]);
    }
    std::memcpy(requests_.bytes[asked_].data(), name.data(), kRequestBytes);
    requests_.parts[asked_].iov_len = kRequestBytes;
    sent_at_[slot] = now;
    if (++asked_ == kBatch) flush();
  }

  void flush() {
    requests_.send(fd_, static_cast<int>(asked_));
    asked_ = 0;
  }

  int fd_;
  Batch requests_{false};
  Batch answers_{false};
  std::size_t asked_ = 0;
  std::array<std::uint32_t, kOutstanding> numbers_{};
  std::array<std::array<std::byte, kRequestBytes>, kOutstanding> names_{};
  std::vector<std::int64_t> sent_at_;
  std::uint64_t round_trips_ = 0;
  std::uint64_t lost_ = 0;
};

void sink(std::uint16_t port, std::int64_t seconds) {
  const int fd = bound(port);
  const int on = 1;
  setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof on);
  // Whoever sends may end before this does, on a machine that has other things to do.
  const timeval silence{5, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof silence);
  std::vector<std::byte> bytes(65'536);
  std::uint64_t received = 0;
  std::int64_t start = 0;
  std::int64_t now = 0;
  do {
    const ssize_t size = recv(fd, bytes.data(), bytes.size(), 0);
    now = clock_ns(CLOCK_MONOTONIC);
    if (size < 0 && errno == EAGAIN) break;
    if (size < 0) fail("recv");
    if (start == 0) start = now;
    received += static_cast<std::uint64_t>(size) / kBulkBytes;
  } while (now - start < seconds * 1'000'000'000);
  std::printf("{\"datagrams\": %llu, \"seconds\": %.6f}\n",
              static_cast<unsigned long long>(received), static_cast<double>(now - start) / 1e9);
}

void bulk(std::uint16_t port, std::int64_t seconds) {
  const int fd = connected(port);
  const int segment = static_cast<int>(kBulkBytes);
  if (setsockopt(fd, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment) != 0) fail("UDP_SEGMENT");
  const std::vector<std::byte> bytes(kBulkBytes * kBulkSegments);
  const std::int64_t end = clock_ns(CLOCK_MONOTONIC) + seconds * 1'000'000'000;
  std::uint64_t sent = 0;
  while (clock_ns(CLOCK_MONOTONIC) < end) {
    if (send(fd, bytes.data(), bytes.size(), 0) > 0) sent += kBulkSegments;
  }
  std::printf("{\"datagrams\": %llu}\n", static_cast<unsigned long long>(sent));
}

// The sources are addresses in 127.0.0.0/8, each with a port of its own.
void flood(std::uint16_t port, std::uint32_t sources, std::uint32_t each) {
  const sockaddr_in target = loopback(port);
  std::uint64_t sent = 0;
  for (std::uint32_t source = 0; source < sources; ++source) {
    const int fd = udp_socket();
    sockaddr_in address = loopback(0);
    address.sin_addr.s_addr = htonl((std::uint32_t{127} << 24) + 0x10000 + source);
    if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("bind");
    for (std::uint32_t i = 0; i < each; ++i) {
      const auto* to = reinterpret_cast<const sockaddr*>(&target);
      if (sendto(fd, "flood", 5, 0, to, sizeof target) == 5) ++sent;
    }
    close(fd);
  }
  std::printf("{\"sent\": %llu}\n", static_cast<unsigned long long>(sent));
}

std::int64_t in_ns(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// A message with room for a number and for what the kernel says about it.
struct Stamped {
  std::int64_t number = 0;
  iovec part{&number, sizeof number};
  alignas(cmsghdr) std::array<char, 256> control{};
  msghdr message{};

  bool receive(int fd, int flags) {
    message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    return recvmsg(fd, &message, flags) >= 0;
  }

  // When the kernel had it, or handed it on: 0 when it does not say so.
  std::int64_t stamp_ns() {
    for (cmsghdr* part_of = CMSG_FIRSTHDR(&message); part_of != nullptr;
         part_of = CMSG_NXTHDR(&message, part_of)) {
      const bool arrival = part_of->cmsg_type == SCM_TIMESTAMPNS;
      const bool departure = part_of->cmsg_type == SCM_TIMESTAMPING;
      if (part_of->cmsg_level != SOL_SOCKET || (!arrival && !departure)) continue;
      timespec time{};
      std::memcpy(&time, CMSG_DATA(part_of), sizeof time);
      return in_ns(time);
    }
    return 0;
  }
};

void stamp(int fd, int option, int value) {
  if (setsockopt(fd, SOL_SOCKET, option, &value, sizeof value) != 0) fail("setsockopt");
}

// The least that a delay can cost: one datagram at a time, and a processor that does nothing else.
void spin(std::uint16_t port, std::uint16_t server_port, std::int64_t delay_us) {
  const int outside = bound(port);
  const int inside = connected(server_port);
  stamp(outside, SO_TIMESTAMPNS, 1);
  Stamped datagram;
  while (true) {
    if (!datagram.receive(outside, MSG_DONTWAIT)) continue;
    const std::int64_t due = datagram.stamp_ns() + delay_us * 1'000;
    while (clock_ns(CLOCK_REALTIME) < due) {
    }
    if (send(inside, &datagram.number, sizeof datagram.number, 0) < 0) fail("send");
  }
}

void print_distribution(const char* name, std::vector<std::int64_t> ns, const char* end) {
  std::sort(ns.begin(), ns.end());
  const auto at = [&](std::size_t per_mille) {
    return static_cast<double>(ns[per_mille * (ns.size() - 1) / 1000]) / 1e3;
  };
  std::printf(
      "\"%s\": {\"min_us\": %.1f, \"median_us\": %.1f, \"p90_us\": %.1f, \"p99_us\": %.1f, "
      "\"max_us\": %.1f}%s",
      name, at(0), at(500), at(900), at(990), at(1000), end);
}

// Sends a datagram now and then, and asks the kernel when it went into the path and when it came
// out behind it: so the time that this program takes to wake up and to send counts for nothing of
// the path's, and is told apart.
void late(std::uint16_t port, std::uint16_t sink_port, std::int64_t delay_us) {
  constexpr int kSamples = 1'000;
  const int client = connected(port);
  const int server = bound(sink_port);
  stamp(client, SO_TIMESTAMPING,
        SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_TSONLY);
  stamp(server, SO_TIMESTAMPNS, 1);
  std::vector<std::int64_t> late_ns;
  std::vector<std::int64_t> sending_ns;
  Stamped left;
  Stamped came;
  for (int i = 0; i < kSamples; ++i) {
    std::int64_t sent = clock_ns(CLOCK_REALTIME);
    if (send(client, &sent, sizeof sent, 0) != sizeof sent) fail("send");
    if (!came.receive(server, 0)) fail("recvmsg");
    if (!left.receive(client, MSG_ERRQUEUE)) fail("no time of departure");
    sending_ns.push_back(left.stamp_ns() - sent);
    late_ns.push_back(came.stamp_ns() - left.stamp_ns() - delay_us * 1'000);
    const timespec pause{0, (i % 10) * 50'000};
    nanosleep(&pause, nullptr);
  }
  std::printf("{");
  print_distribution("late", late_ns, ", ");
  print_distribution("sending", sending_ns, "}\n");
}

}  // namespace

int main(int argc, char** argv) {
  const auto number = [&](int i) { return i < argc ? std::atoll(argv[i]) : 0; };
  const auto port = [&](int i) { return static_cast<std::uint16_t>(number(i)); };
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "echo") echo(port(2));
  if (what == "forward") forward(port(2), port(3));
  if (what == "load") Load(port(2)).run(number(3));
  if (what == "sink") sink(port(2), number(3));
  if (what == "bulk") bulk(port(2), number(3));
  if (what == "flood") {
    flood(port(2), static_cast<std::uint32_t>(number(3)), static_cast<std::uint32_t>(number(4)));
  }
  if (what == "late") late(port(2), port(3), number(4));
  if (what == "spin") spin(port(2), port(3), number(4));
  return 0;
}
