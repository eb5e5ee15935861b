// Writes a recording of ours to a file: the way in for whoever records.
#pragma once

#include <string>
#include <vector>

#include "harness/capture/pcap_writer.hpp"
#include "harness/capture/record_as.hpp"
#include "harness/capture/recorder.hpp"

namespace lossy {

// Refuses what PcapWriter refuses.
class RecordingWriter final : public RecordingSink {
 public:
  explicit RecordingWriter(const std::string& path, RecordAs as = RecordAs::kSll2,
                           NewFile::Until until = NewFile::Until::kNameless);

  void take(const RecordedFrame& recorded) override;
  void flush() { writer_.flush(); }
  void finish() override { writer_.finish(); }

  bool is_open() const { return writer_.is_open(); }

 private:
  RecordAs as_;
  PcapWriter writer_;
  std::vector<std::byte> buffer_;
};

}  // namespace lossy
