#include <lossy/harness/capture/capture_writer.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

#include <lossy/harness/capture/pcap_writer.hpp>
#include <lossy/harness/capture/pcapng_writer.hpp>

namespace lossy {

void CaptureWriter::check_time(Instant time, Instant last, int years) const {
  if (time >= Instant() && time <= last) return;
  throw std::system_error(
      EOVERFLOW, std::generic_category(),
      fmt::format("cannot write '{}': a capture holds {} years, and this run takes longer", name_,
                  years));
}

bool is_pcapng_name(std::string_view path) {
  return path.ends_with(".pcapng");
}

std::unique_ptr<CaptureWriter> open_capture_writer(const std::string& path, const CaptureHead& head,
                                                   NewFile::Until until) {
  if (is_pcapng_name(path)) return std::make_unique<PcapngWriter>(path, head, until);
  return std::make_unique<PcapWriter>(path, head, until);
}

}  // namespace lossy
