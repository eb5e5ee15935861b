// Records what happens to datagrams between two hosts as the frames that a `tcpdump -i any` on both
// would show, merged. Where the frames go is a RecordingSink's affair: to a file, to a comparison.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <lossy/core/address.hpp>
#include <lossy/core/clock.hpp>
#include <lossy/harness/capture/frame.hpp>

namespace lossy {

// A frame, and what the recorder knows of it. All of it is the recorder's.
struct RecordedFrame {
  Instant time;
  std::span<const std::byte> bytes;  // As LINUX_SLL2 has it.
  const Frame& frame;                // What is in it.
  std::size_t copy = 0;              // Which of a datagram's copies arrives; 0 for the first.
  std::uint64_t number = 0;          // As the sighting has it.
  std::string_view fate{};
};

// Takes frames in the order they were captured. Times do not decrease.
class RecordingSink {
 public:
  virtual ~RecordingSink() = default;

  // What is recorded is valid during the call.
  virtual void take(const RecordedFrame& recorded) = 0;

  // Nothing follows. Call it once, also when a run was interrupted: only then is what was written
  // complete.
  virtual void finish() = 0;
};

// One that needs no more than the frame.
class FrameSink : public RecordingSink {
 public:
  virtual void write(Instant time, std::span<const std::byte> frame) = 0;
  void take(const RecordedFrame& recorded) override { write(recorded.time, recorded.bytes); }
};

// The hosts of a two-sided recording, by the index of their interface in the first flow. Each
// further flow has the next two indexes.
enum class RecordedHost : std::uint8_t { kClient = 1, kServer = 2 };

// Whose recording a frame is of, by its mark.
enum class RecordedBy : std::uint8_t {
  kSomebody,   // It is none of ours.
  kRun,        // A run whose hosts see each other's addresses, in virtual time.
  kRealRun,    // The same in real time: what is due happens a little later, each time another.
  kBrokenRun,  // A run that ended when a property did not hold: what it shows is a bug.
  kProxy,      // Behind the proxy all addresses are others than before it; times are real.
};
inline constexpr std::size_t kRecordedByCount = 5;
RecordedBy recorded_by(const LinkAddress& mark);
// A mark counts where it is known which host saw the frame: a recording that was converted to a
// link type without interfaces is a capture like any other.
RecordedBy recorded_by(const Frame& frame);
// It shows two hosts, who see each other's addresses.
inline bool is_run(RecordedBy by) {
  return by == RecordedBy::kRun || by == RecordedBy::kRealRun || by == RecordedBy::kBrokenRun;
}

// Which host of a recording saw the frame, and in which flow, from 1.
RecordedHost recorded_host(const Frame& frame);
std::uint32_t recorded_flow(const Frame& frame);
// Up goes out of the client's host and comes in at the server's; down the other way round.
bool is_recorded_uplink(const Frame& frame);

// A datagram as one host sees it leave (kOutgoing) or arrive (kIncoming).
struct Sighting {
  Instant time;
  RecordedHost host = RecordedHost::kClient;
  PacketType type = PacketType::kOutgoing;
  std::uint64_t number = 0;  // Counted from 1 in its direction; copies share it.
  Address source;
  Address destination;
  std::span<const std::byte> payload;
  std::uint64_t flow = 1;   // Counted from 1.
  std::size_t copy = 0;     // Which of its copies arrives; 0 for the first.
  std::string_view fate{};  // What became of it, in words for people, if that is remarkable.
};

class Recorder {
 public:
  // Every frame bears the mark: kRecordingMark, kClockMark, kBrokenMark or kProxyMark.
  explicit Recorder(const LinkAddress& mark = kRecordingMark)
      : mark_(mark), buffer_(kFrameBytesMax) {}

  // Whatever is recorded from now on goes to `sink`, too, which must outlive the recorder.
  void add(RecordingSink& sink) { sinks_.push_back(&sink); }
  bool has_sinks() const { return !sinks_.empty(); }

  // Allocates nothing. The addresses are of one family, which can carry the payload: else
  // std::logic_error.
  void record(const Sighting& sighting);

  // Notes that it all ends while a datagram is under way that was recorded as it left: in the place
  // of its frame, and without its payload. Nothing but lossy takes that for a datagram.
  void note_in_flight(const Sighting& sighting);

  // Finishes every sink.
  void finish();

 private:
  void write(const Sighting& sighting, bool in_flight);

  LinkAddress mark_;
  std::vector<RecordingSink*> sinks_;
  std::vector<std::byte> buffer_;
};

}  // namespace lossy
