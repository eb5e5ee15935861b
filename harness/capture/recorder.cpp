#include "harness/capture/recorder.hpp"

namespace lossy {
namespace {

// As many as have interfaces.
constexpr std::uint64_t kFlowsMax = (std::uint64_t{1} << 31) - 1;

std::uint32_t interface_of(std::uint64_t flow, RecordedHost host) {
  return static_cast<std::uint32_t>((flow - 1) % kFlowsMax * 2 + static_cast<std::uint64_t>(host));
}

}  // namespace

RecordedBy recorded_by(const Frame& frame) {
  if (frame.link_address == kRecordingMark) return RecordedBy::kRun;
  if (frame.link_address == kClockMark) return RecordedBy::kRealRun;
  if (frame.link_address == kBrokenMark) return RecordedBy::kBrokenRun;
  return frame.link_address == kProxyMark ? RecordedBy::kProxy : RecordedBy::kSomebody;
}

RecordedHost recorded_host(const Frame& frame) {
  return frame.interface % 2 == 1 ? RecordedHost::kClient : RecordedHost::kServer;
}

std::uint32_t recorded_flow(const Frame& frame) {
  return frame.interface / 2 + frame.interface % 2;
}

bool is_recorded_uplink(const Frame& frame) {
  return (recorded_host(frame) == RecordedHost::kClient) == (frame.type == PacketType::kOutgoing);
}

void Recorder::record(const Sighting& sighting) {
  Frame frame;
  frame.source = sighting.source;
  frame.destination = sighting.destination;
  frame.payload = sighting.payload;
  frame.type = sighting.type;
  frame.interface = interface_of(sighting.flow, sighting.host);
  frame.link_address = mark_;
  frame.identification = static_cast<std::uint32_t>(sighting.number & 0xFFFFFFFF);
  const std::size_t size = encode_frame(frame, buffer_);
  for (FrameSink* sink : sinks_) sink->write(sighting.time, std::span(buffer_).first(size));
}

void Recorder::finish() {
  for (FrameSink* sink : sinks_) sink->finish();
}

}  // namespace lossy
