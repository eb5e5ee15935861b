#include <lossy/harness/capture/first_reading.hpp>

#include <utility>
#include <variant>

#include <lossy/harness/capture/inspector.hpp>

namespace lossy {

std::optional<ServerFinder> read_servers(const std::string& path, const CaptureChoice& choice,
                                         std::optional<std::uint16_t> server_port,
                                         PcapReader::Tell on_read) {
  if (!can_be_read_again(path)) return std::nullopt;
  auto opened = PcapReader::open(path);
  auto* const reader = std::get_if<PcapReader>(&opened);
  if (reader == nullptr) return std::nullopt;
  if (reader->choose(choice)) return std::nullopt;
  reader->on_read(std::move(on_read));
  Inspector inspector({.server_port = server_port});
  while (const auto record = reader->next()) {
    const auto decoded = inspector.decode(*record);
    inspector.add(*record, decoded);
  }
  return inspector.better_servers();
}

}  // namespace lossy
