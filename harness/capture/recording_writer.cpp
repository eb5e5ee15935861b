#include <lossy/harness/capture/recording_writer.hpp>

#include <fmt/format.h>

#include <algorithm>

#include <lossy/core/check.hpp>
#include <lossy/harness/capture/pcapng_writer.hpp>

namespace lossy {
namespace {

// Of a proxy's recording, where each client is a flow, "flow3.client"; of a run's "client", and of
// its further paths as the former.
std::string interface_name(const Frame& frame) {
  const char* const host = recorded_host(frame) == RecordedHost::kClient ? "client" : "server";
  if (recorded_by(frame) != RecordedBy::kProxy && recorded_flow(frame) <= 1) return host;
  if (recorded_flow(frame) <= RecordingWriter::kFlowsWithInterfaces) {
    return fmt::format("flow{}.{}", recorded_flow(frame), host);
  }
  return fmt::format("other.{}", host);
}

}  // namespace

RecordingWriter::RecordingWriter(const std::string& path, const RecordingOptions& options)
    : as_(options.as),
      pcapng_(is_pcapng_name(path)),
      writer_(open_capture_writer(
          path, {.link_type = link_type_of(options.as), .comment = options.comment},
          options.until)),
      buffer_(kFrameBytesMax) {}

void RecordingWriter::take(const RecordedFrame& recorded) {
  const auto frame = frame_as(as_, recorded, buffer_);
  if (!frame) return;
  CaptureRecord record{.time = recorded.time,
                       .frame = *frame,
                       .original_bytes = frame->size(),
                       .link_type = link_type_of(as_)};
  if (!pcapng_) return writer_->write(record, {});
  const Frame& seen = recorded.frame;
  // Odd ones are clients': see RecordedHost.
  constexpr std::uint32_t kInterfacesMax = 2 * kFlowsWithInterfaces;
  record.interface =
      seen.interface <= kInterfacesMax ? seen.interface : kInterfacesMax + 1 + (seen.interface + 1) % 2;
  record.direction = seen.type;
  const std::string name = interface_name(seen);
  writer_->write(record,
                 {.interface_name = name, .number = recorded.number, .comment = recorded.fate});
}

void RecordingWriter::add_secrets(std::span<const std::byte> key_log) {
  check(pcapng_, "RecordingWriter: pcap has no place for secrets");
  static_cast<PcapngWriter&>(*writer_).add_secrets(key_log);
}

}  // namespace lossy
