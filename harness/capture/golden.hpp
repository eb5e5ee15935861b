// Compares a run with its golden capture, record by record, while the run goes on.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <lossy/harness/capture/describe.hpp>
#include <lossy/harness/capture/reader.hpp>
#include <lossy/harness/capture/record_as.hpp>
#include <lossy/harness/capture/recorder.hpp>

namespace lossy {

// What of a record must be the same.
enum class GoldenMatch : std::uint8_t {
  kTimeAndBytes,
  // Content and order: for runs in real time, which never takes the same time twice. The golden may
  // be of virtual or of real time, whatever its mark says of that.
  kBytes,
};

// Stops comparing at the first difference. Holds no more than a few records in memory. The golden
// may be of any link type that recordings are written with: the run is compared in the same.
class GoldenComparer final : public FrameSink {
 public:
  explicit GoldenComparer(PcapReader golden, GoldenMatch match = GoldenMatch::kTimeAndBytes,
                          PayloadWords words = {});

  // The frame is of the golden's link type; take() makes it so.
  void write(Instant time, std::span<const std::byte> frame) override;
  void take(const RecordedFrame& recorded) override;
  void finish() override;

  // Whether the run gave what the golden says, to its end. After finish().
  bool same() const { return finished_ && explanation_.empty() && !error_; }
  // What differs first: some lines that end with a line feed, or nothing.
  const std::string& explanation() const { return explanation_; }
  // Why the golden cannot be compared with. It may show in the middle of the run; that neither has
  // any records shows at its end.
  const std::optional<CaptureError>& error() const { return error_; }
  // Records that were the same.
  std::uint64_t matched() const { return matched_; }

 private:
  bool ended() const { return !explanation_.empty() || error_.has_value(); }
  bool has_expected();
  bool same_bytes(const CaptureRecord& expected, const CaptureRecord& actual);
  // A title, what led up to it, the lines given, and where both sides are there their bytes.
  void explain(const std::string& title, const std::optional<CaptureRecord>& expected,
               const std::optional<CaptureRecord>& actual);

  PcapReader golden_;
  GoldenMatch match_;
  RecordAs as_ = RecordAs::kSll2;  // Of the golden, as far as it was read.
  std::optional<CaptureRecord> expected_;
  std::vector<std::byte> buffer_;
  RecordTail tail_;
  std::uint64_t matched_ = 0;
  bool finished_ = false;
  std::string explanation_;
  std::optional<CaptureError> error_;
};

}  // namespace lossy
