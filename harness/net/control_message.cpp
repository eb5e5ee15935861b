#include <lossy/harness/net/control_message.hpp>

#include <netinet/udp.h>

#include <cstring>

namespace lossy {
namespace {

template <typename Value>
Value value_of(const cmsghdr* part) {
  Value value{};
  std::memcpy(&value, CMSG_DATA(part), sizeof value);
  return value;
}

std::optional<Address> local_of(const in6_pktinfo& info) {
  // Of an IPv4 datagram IP_PKTINFO knows better, which comes, too: here stands what it was sent to,
  // be it a broadcast address.
  if (IN6_IS_ADDR_MULTICAST(&info.ipi6_addr) || IN6_IS_ADDR_V4MAPPED(&info.ipi6_addr)) {
    return std::nullopt;
  }
  std::array<std::uint8_t, 16> octets{};
  std::memcpy(octets.data(), &info.ipi6_addr, octets.size());
  // Only a link-local address says nothing without its interface; for any other, routing decides
  // where the answer leaves.
  const bool link_local = IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr);
  return Address::v6(octets, 0, link_local ? info.ipi6_ifindex : 0);
}

Address local_of(const in_pktinfo& info) {
  std::array<std::uint8_t, 4> octets{};
  std::memcpy(octets.data(), &info.ipi_spec_dst, octets.size());
  return Address::v4(octets, 0);
}

template <typename Value>
void append(msghdr& message, Control& control, int level, int type, const Value& value) {
  message.msg_control = control.bytes.data();
  // The place behind what is there already, which CMSG_NXTHDR could not find in a fresh buffer.
  auto* part = reinterpret_cast<cmsghdr*>(control.bytes.data() + message.msg_controllen);
  message.msg_controllen += CMSG_SPACE(sizeof value);
  part->cmsg_level = level;
  part->cmsg_type = type;
  part->cmsg_len = CMSG_LEN(sizeof value);
  std::memcpy(CMSG_DATA(part), &value, sizeof value);
}

}  // namespace

ReceivedControl read_control(msghdr& message) {
  ReceivedControl control;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
      control.local = local_of(value_of<in_pktinfo>(part));
    } else if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
      if (const auto local = local_of(value_of<in6_pktinfo>(part))) control.local = local;
    } else if (part->cmsg_level == SOL_UDP && part->cmsg_type == UDP_GRO) {
      control.segment_bytes = static_cast<std::size_t>(value_of<int>(part));
    } else if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_TIMESTAMPNS) {
      const auto time = value_of<timespec>(part);
      control.arrived = std::chrono::seconds(time.tv_sec) + Duration(time.tv_nsec);
    }
  }
  return control;
}

void write_control(msghdr& message, Control& control, const std::optional<Address>& local,
                   std::uint16_t segment_bytes) {
  message.msg_control = nullptr;
  message.msg_controllen = 0;
  if (local && local->is_v6()) {
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, local->octets().data(), sizeof info.ipi6_addr);
    info.ipi6_ifindex = local->scope_id();
    append(message, control, IPPROTO_IPV6, IPV6_PKTINFO, info);
  } else if (local) {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, local->octets().data(), sizeof info.ipi_spec_dst);
    append(message, control, IPPROTO_IP, IP_PKTINFO, info);
  }
  if (segment_bytes > 0) append(message, control, SOL_UDP, UDP_SEGMENT, segment_bytes);
}

}  // namespace lossy
