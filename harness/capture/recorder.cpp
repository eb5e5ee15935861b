#include <lossy/harness/capture/recorder.hpp>

namespace lossy {
namespace {

// As many as have interfaces.
constexpr std::uint64_t kFlowsMax = (std::uint64_t{1} << 31) - 1;

std::uint32_t interface_of(std::uint64_t flow, RecordedHost host) {
  return static_cast<std::uint32_t>((flow - 1) % kFlowsMax * 2 + static_cast<std::uint64_t>(host));
}

constexpr std::uint64_t number_of(const LinkAddress& address) {
  std::uint64_t number = 0;
  for (const std::uint8_t octet : address) number = number << 8 | octet;
  return number;
}

}  // namespace

// As numbers, because this is asked of each datagram of a capture.
RecordedBy recorded_by(const LinkAddress& mark) {
  switch (number_of(mark)) {
    case number_of(kRecordingMark):
      return RecordedBy::kRun;
    case number_of(kClockMark):
      return RecordedBy::kRealRun;
    case number_of(kBrokenMark):
      return RecordedBy::kBrokenRun;
    case number_of(kProxyMark):
      return RecordedBy::kProxy;
    default:
      return RecordedBy::kSomebody;
  }
}

RecordedBy recorded_by(const Frame& frame) {
  return frame.interface == 0 ? RecordedBy::kSomebody : recorded_by(frame.link_address);
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
  write(sighting, false);
}

void Recorder::note_in_flight(const Sighting& sighting) {
  write(sighting, true);
}

void Recorder::write(const Sighting& sighting, bool in_flight) {
  Frame frame;
  frame.in_flight = in_flight;
  frame.source = sighting.source;
  frame.destination = sighting.destination;
  if (!in_flight) frame.payload = sighting.payload;
  frame.type = sighting.type;
  frame.interface = interface_of(sighting.flow, sighting.host);
  frame.link_address = mark_;
  frame.identification = static_cast<std::uint32_t>(sighting.number & 0xFFFFFFFF);
  const std::size_t size = encode_frame(frame, buffer_);
  const RecordedFrame recorded{.time = sighting.time,
                               .bytes = std::span(buffer_).first(size),
                               .frame = frame,
                               .copy = sighting.copy,
                               .number = sighting.number,
                               .fate = sighting.fate};
  for (RecordingSink* sink : sinks_) sink->take(recorded);
}

void Recorder::finish() {
  for (RecordingSink* sink : sinks_) sink->finish();
}

}  // namespace lossy
