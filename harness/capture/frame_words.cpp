#include <lossy/harness/capture/frame.hpp>

#include <numeric>

namespace lossy {
namespace {

// The word that stands in the enumerator's place.
template <typename Word, std::size_t kCount>
constexpr std::string_view word_of(const std::array<std::string_view, kCount>& words, Word word) {
  return words[static_cast<std::size_t>(word)];
}

constexpr std::array<std::string_view, 3> kPacketTypes = {"unknown", "incoming", "outgoing"};

constexpr std::array<std::string_view, kChecksumCount> kChecksums = {"good", "bad", "absent",
                                                                     "offloaded"};

constexpr std::array<std::string_view, kSkipReasonCount> kSkipReasons = {
    "link_type",      "not_ip",           "not_udp",    "fragment",      "fragment_overlap",
    "bad_fragment",   "extension_header", "snapped",    "truncated",     "bad_ip_header",
    "bad_udp_length", "encrypted",        "aggregated", "link_fragment", "bad_carrier",
    "too_deep",       "in_flight"};

constexpr std::array<std::string_view, kCarrierCount> kCarriers = {
    "ppp",      "pppoe", "mpls",   "llc",        "vn_tag",     "batman",
    "wlan",     "gre",   "erspan", "ipv4_in_ip", "ipv6_in_ip", "authentication",
    "ether_ip", "vxlan", "geneve", "gtp_u"};

}  // namespace

std::uint64_t sum_of(const SkipCounts& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

std::string_view to_string(PacketType type) {
  return word_of(kPacketTypes, type);
}
std::string_view to_string(Checksum checksum) {
  return word_of(kChecksums, checksum);
}
std::string_view to_string(SkipReason reason) {
  return word_of(kSkipReasons, reason);
}
std::string_view to_string(Carrier carrier) {
  return word_of(kCarriers, carrier);
}

}  // namespace lossy
