#include "harness/capture/recorder.hpp"

namespace lossy {

void Recorder::record(const Sighting& sighting) {
  Frame frame;
  frame.source = sighting.source;
  frame.destination = sighting.destination;
  frame.payload = sighting.payload;
  frame.type = sighting.type;
  frame.interface = static_cast<std::uint32_t>(sighting.host);
  frame.link_address = kRecordingMark;
  frame.identification = static_cast<std::uint32_t>(sighting.number & 0xFFFFFFFF);
  const std::size_t size = encode_frame(frame, buffer_);
  for (FrameSink* sink : sinks_) sink->write(sighting.time, std::span(buffer_).first(size));
}

void Recorder::finish() {
  for (FrameSink* sink : sinks_) sink->finish();
}

}  // namespace lossy
