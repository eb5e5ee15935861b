#include "harness/capture/recording_writer.hpp"

namespace lossy {

RecordingWriter::RecordingWriter(const std::string& path, RecordAs as, NewFile::Until until)
    : as_(as), writer_(path, {.link_type = link_type_of(as)}, until), buffer_(kFrameBytesMax) {}

void RecordingWriter::take(const RecordedFrame& recorded) {
  if (const auto frame = frame_as(as_, recorded, buffer_)) writer_.write(recorded.time, *frame);
}

}  // namespace lossy
