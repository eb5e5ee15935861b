// How fast a capture can be read at best: libpcap's own loop, and a look at the headers of IPv4 and
// UDP in frames of LINUX_SLL2. What `scripts/bench captures` holds lossy against.
#include <pcap/pcap.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>

namespace {

constexpr unsigned kSll2Bytes = 20;
constexpr unsigned kHeadersBytes = kSll2Bytes + 20 + 8;

unsigned load16(const u_char* at) {
  return static_cast<unsigned>(at[0] << 8 | at[1]);
}

}  // namespace

// Prints the number of datagrams, the seconds they took, and a sum that keeps the loop from being
// optimised away.
int main(int count, char** arguments) {
  if (count != 2) return 2;
  const auto start = std::chrono::steady_clock::now();
  std::array<char, PCAP_ERRBUF_SIZE> error{};
  pcap_t* const capture = pcap_open_offline_with_tstamp_precision(
      arguments[1], PCAP_TSTAMP_PRECISION_NANO, error.data());
  if (capture == nullptr) return 2;
  pcap_pkthdr* header = nullptr;
  const u_char* bytes = nullptr;
  std::uint64_t datagrams = 0;
  std::uint64_t sum = 0;
  while (pcap_next_ex(capture, &header, &bytes) == 1) {
    if (header->caplen < kHeadersBytes || load16(bytes) != 0x0800) continue;
    const u_char* const ip = bytes + kSll2Bytes;
    const u_char* const udp = ip + (ip[0] & 15) * 4;
    if (ip[0] >> 4 != 4 || ip[9] != 17) continue;
    ++datagrams;
    sum += load16(udp) + load16(udp + 2) + load16(udp + 4);
  }
  pcap_close(capture);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf("%llu %.6f %llu\n", static_cast<unsigned long long>(datagrams), took.count(),
              static_cast<unsigned long long>(sum));
  return 0;
}
