// Files that are written while something goes on.
//
// What cannot be written, on a full disk say, ends the file, and not what goes on: it is said at
// once, and failure() tells it in the end. What cannot even be opened throws std::system_error.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include <lossy/harness/capture/recorder.hpp>
#include <lossy/harness/capture/recording_writer.hpp>
#include <lossy/harness/report/fault_saver.hpp>
#include <lossy/harness/report/recording_observer.hpp>

namespace lossy {

// A capture, of which what fitted is kept: whole records.
class KeptCapture final : public RecordingSink {
 public:
  enum class Half : std::uint8_t {
    kIsKept,
    kIsDropped,  // What had the name before is left as it was.
  };

  // `goes_on` is what does, as in "forwarding".
  KeptCapture(const std::string& path, const RecordingOptions& options, std::string goes_on,
              Half half = Half::kIsKept);

  // As RecordingWriter has it. Nothing while what is left of the file is known already.
  void add_secrets(std::span<const std::byte> key_log);

  void take(const RecordedFrame& recorded) override;
  // Hands on what was written: it is there even if the process is killed, by a temporary name.
  void flush();
  // The file has its name from then on.
  void finish() override;

  // What went wrong, and what is left of the file; empty while nothing did.
  const std::string& failure() const { return failure_; }

 private:
  template <typename Attempt>
  void attempt(Attempt attempt);
  // What is left, as the rest of a sentence.
  const char* keep_what_fitted();

  std::unique_ptr<RecordingWriter> writer_;
  std::string goes_on_;
  Half half_;
  std::string failure_;
};

// What `lossy proxy` writes.
class KeptFile : public Observer {
 public:
  // The file has its name from then on.
  virtual void finish() = 0;
  // Now and then.
  virtual void flush() {}
  virtual const std::string& failure() const = 0;
};

// A capture of both sides, with the times of this machine's clock.
class KeptRecording final : public KeptFile {
 public:
  // `wall_time_at_start` is what the clock on the wall said at Instant{}.
  KeptRecording(const std::string& path, const RecordingOptions& options,
                RecordingObserver::Fates fates, Duration wall_time_at_start);

  void on_offered(Instant now, const Passage& passage, const Offer& offer) override;
  void on_delivered(Instant now, const Passage& passage, const Delivery& delivery) override;
  void on_in_flight(Instant now, const Passage& passage, std::uint64_t number) override;
  void finish() override { recorder_.finish(); }
  void flush() override { capture_.flush(); }
  const std::string& failure() const override { return capture_.failure(); }
  void add_secrets(std::span<const std::byte> key_log) { capture_.add_secrets(key_log); }

 private:
  Duration wall_time_at_start_;
  KeptCapture capture_;
  Recorder recorder_{kProxyMark};
  RecordingObserver observer_;
};

// The fates of all flows, as FaultSaver writes them down. Half a list is none.
class KeptFaults final : public KeptFile {
 public:
  KeptFaults(const std::string& path, const std::string& options, const std::string& path_options);

  void on_offered(Instant now, const Passage& passage, const Offer& offer) override;
  void on_delivered(Instant, const Passage&, const Delivery&) override {}
  void finish() override;
  const std::string& failure() const override { return failure_; }

 private:
  template <typename Attempt>
  void attempt(Attempt attempt);

  std::unique_ptr<FaultSaver> saver_;  // Nothing once it has failed.
  std::string failure_;
};

}  // namespace lossy
