// Writes a recording of ours to a file: the way in for whoever records.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include <lossy/harness/capture/capture_writer.hpp>
#include <lossy/harness/capture/record_as.hpp>
#include <lossy/harness/capture/recorder.hpp>

namespace lossy {

struct RecordingOptions {
  RecordAs as = RecordAs::kSll2;
  std::string comment{};  // What a pcapng says of itself: the command that made it.
  NewFile::Until until = NewFile::Until::kNameless;
};

// Pcapng, when the file's name ends so, has what pcap has no place for, too: an interface for each
// host, by its name, and of each packet the datagram's number and its fate. Refuses what a
// CaptureWriter refuses.
class RecordingWriter final : public RecordingSink {
 public:
  // Flows beyond these share their interfaces in pcapng, as our reader knows no more of them. Their
  // frames tell them apart all the same.
  static constexpr std::uint32_t kFlowsWithInterfaces = 16'384;

  explicit RecordingWriter(const std::string& path, const RecordingOptions& options = {});

  void take(const RecordedFrame& recorded) override;
  void flush() { writer_->flush(); }
  void finish() override { writer_->finish(); }

  // As PcapngWriter has it: for pcapng alone.
  void add_secrets(std::span<const std::byte> key_log);

  bool is_open() const { return writer_->is_open(); }

 private:
  RecordAs as_;
  bool pcapng_;
  std::unique_ptr<CaptureWriter> writer_;
  std::vector<std::byte> buffer_;
};

}  // namespace lossy
