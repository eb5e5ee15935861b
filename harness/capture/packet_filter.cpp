#include <lossy/harness/capture/packet_filter.hpp>

#include <pcap/pcap.h>

#include <array>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <new>

#include <lossy/core/escape.hpp>

namespace lossy {

void PacketFilter::Free::operator()(bpf_program* program) const {
  pcap_freecode(program);
  delete program;
}

// Of a file of that link type, if of none that there is: for a live capture libpcap makes programs
// that ask the kernel.
std::optional<std::string> PacketFilter::compile(int link_type) {
  const std::array<std::uint32_t, 6> file = {
      0xA1B2C3D4, std::endian::native == std::endian::little ? 4U << 16 | 2U : 2U << 16 | 4U,
      0,          0,
      262'144,    static_cast<std::uint32_t>(link_type)};
  std::FILE* const stream = ::fmemopen(const_cast<std::uint32_t*>(file.data()), sizeof(file), "rb");
  if (stream == nullptr) throw std::bad_alloc();
  std::array<char, PCAP_ERRBUF_SIZE> reason{};
  const std::unique_ptr<pcap_t, void (*)(pcap_t*)> handle(pcap_fopen_offline(stream, reason.data()),
                                                          pcap_close);
  if (!handle) {
    std::fclose(stream);
    return reason.data();
  }
  std::unique_ptr<bpf_program, Free> program(new bpf_program{});
  if (pcap_compile(handle.get(), program.get(), expression_.c_str(), 1, PCAP_NETMASK_UNKNOWN) !=
      0) {
    return escape_controls(pcap_geterr(handle.get()));
  }
  programs_[link_type] = std::move(program);
  return std::nullopt;
}

std::optional<bool> PacketFilter::matches(const CaptureRecord& record) const {
  const auto program = programs_.find(record.link_type);
  if (program == programs_.end()) return std::nullopt;
  pcap_pkthdr header{};
  header.caplen = static_cast<bpf_u_int32>(record.frame.size());
  header.len = static_cast<bpf_u_int32>(record.original_bytes);
  return pcap_offline_filter(program->second.get(), &header,
                             reinterpret_cast<const u_char*>(record.frame.data())) != 0;
}

}  // namespace lossy
