// Files that `lossy proxy` writes while it forwards.
//
// What cannot be written, on a full disk say, ends the file, and not the forwarding: it is said at
// once, what was written gives its room back, and failed() tells it in the end. What cannot even be
// opened throws std::system_error.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "harness/capture/pcap_writer.hpp"
#include "harness/capture/recorder.hpp"
#include "harness/cli/observers.hpp"

namespace lossy {

class KeptFile : public Observer {
 public:
  void on_offered(Instant now, const Passage& passage, const Offer& offer) final;
  void on_delivered(Instant now, const Passage& passage, const Delivery& delivery) final;
  // The file has its name from then on.
  void finish();

  bool failed() const { return failed_; }

 private:
  virtual void note_offered(Instant now, const Passage& passage, const Offer& offer) = 0;
  virtual void note_delivered(Instant, const Passage&, const Delivery&) {}
  virtual void close() = 0;
  // Leaves nothing behind.
  virtual void discard() = 0;

  template <typename Attempt>
  void attempt(Attempt attempt);

  bool failed_ = false;
};

// A capture of both sides, with the times of this machine's clock.
class KeptRecording final : public KeptFile {
 public:
  // `wall_time_at_start` is what the clock on the wall said at Instant{}.
  KeptRecording(const std::string& path, Duration wall_time_at_start);

 private:
  void note_offered(Instant now, const Passage& passage, const Offer& offer) override;
  void note_delivered(Instant now, const Passage& passage, const Delivery& delivery) override;
  void close() override;
  void discard() override { writer_.reset(); }

  Duration wall_time_at_start_;
  std::unique_ptr<PcapWriter> writer_;
  Recorder recorder_{kProxyMark};
  RecordingObserver observer_{recorder_};
};

// The fates of all flows, as FaultSaver writes them down.
class KeptFaults final : public KeptFile {
 public:
  KeptFaults(const std::string& path, const std::string& command, const std::string& path_options);

 private:
  void note_offered(Instant now, const Passage& passage, const Offer& offer) override;
  void close() override { saver_->finish(); }
  void discard() override { saver_.reset(); }

  std::unique_ptr<FaultSaver> saver_;
};

}  // namespace lossy
