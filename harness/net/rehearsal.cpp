#include <lossy/harness/net/rehearsal.hpp>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

namespace lossy {
namespace {

constexpr std::uint16_t kDiscardPort = 9;  // RFC 863.

std::optional<in_addr> outward_interface() {
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return std::nullopt;
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(all, ::freeifaddrs);
  for (const ifaddrs* each = all; each != nullptr; each = each->ifa_next) {
    constexpr unsigned kWanted = IFF_UP | IFF_MULTICAST;
    if (each->ifa_addr == nullptr || each->ifa_addr->sa_family != AF_INET) continue;
    if ((each->ifa_flags & (kWanted | IFF_LOOPBACK)) != kWanted) continue;
    return reinterpret_cast<const sockaddr_in*>(each->ifa_addr)->sin_addr;
  }
  return std::nullopt;
}

// The kernel drops what has no hops to live only where the group has members, and delivers it to
// those on this machine unless it is told not to.
bool keeps_inside(int fd, in_addr group, in_addr interface) {
  const unsigned char none = 0;
  const ip_mreq membership{group, interface};
  const auto set = [&](int option, const auto& value) {
    return ::setsockopt(fd, IPPROTO_IP, option, &value, sizeof value) == 0;
  };
  return set(IP_ADD_MEMBERSHIP, membership) && set(IP_MULTICAST_IF, interface) &&
         set(IP_MULTICAST_TTL, none) && set(IP_MULTICAST_LOOP, none);
}

}  // namespace

Rehearsal::Rehearsal() {
  const std::optional<in_addr> interface = outward_interface();
  if (!interface) return;
  FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in everyone{};
  everyone.sin_family = AF_INET;
  everyone.sin_port = htons(kDiscardPort);
  everyone.sin_addr.s_addr = htonl(INADDR_ALLHOSTS_GROUP);
  if (socket.number() < 0 || !keeps_inside(socket.number(), everyone.sin_addr, *interface)) return;
  const auto* address = reinterpret_cast<const sockaddr*>(&everyone);
  if (::connect(socket.number(), address, sizeof everyone) == 0) socket_ = std::move(socket);
}

void Rehearsal::run() {
  // The same way in as SendBatch takes. That it may fail, where a firewall forbids it, changes
  // nothing for what comes after it.
  std::byte payload{};
  iovec part{&payload, 1};
  mmsghdr message{};
  message.msg_hdr.msg_iov = &part;
  message.msg_hdr.msg_iovlen = 1;
  [[maybe_unused]] const int sent = ::sendmmsg(socket_.number(), &message, 1, 0);
}

}  // namespace lossy
