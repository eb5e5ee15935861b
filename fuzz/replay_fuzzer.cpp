// Invariant: a recording is the same as itself, and one of another run differs from it, or does
// not, just as it differs from the other. A comparison names the first record that differs, and one
// that is to leave times out sees what differs in more than those.
//
// An input is two scripts, of which each gives a recording. The first byte says where the second
// begins.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <variant>
#include <vector>

#include <lossy/fuzz/property.hpp>
#include <lossy/fuzz/trace.hpp>
#include <lossy/harness/capture/golden.hpp>
#include <lossy/harness/capture/reader.hpp>
#include <lossy/harness/capture/recorder.hpp>
#include <lossy/harness/link/observer.hpp>
#include <lossy/harness/sim/scripted_run.hpp>

namespace lossy::fuzz {
namespace {

// A recording in memory: the file that it makes, and where the frames are in it. It is used again,
// so that it seldom allocates.
class Recording final : public FrameSink {
 public:
  void clear() {
    frames_.clear();
    file_.clear();
    for (const std::uint32_t word : {0xA1B23C4DU, 4U << 16 | 2U, 0U, 0U, 262'144U, 276U}) add(word);
  }
  void write(Instant time, std::span<const std::byte> frame) override {
    const auto nanoseconds = static_cast<std::uint64_t>(time.time_since_epoch().count());
    for (const std::uint64_t word : {nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000,
                                     std::uint64_t{frame.size()}, std::uint64_t{frame.size()}}) {
      add(static_cast<std::uint32_t>(word));
    }
    frames_.push_back({time, file_.size(), frame.size()});
    file_.insert(file_.end(), frame.begin(), frame.end());
  }
  void finish() override {}

  std::size_t size() const { return frames_.size(); }
  Instant time(std::size_t i) const { return frames_[i].time; }
  std::span<const std::byte> frame(std::size_t i) const {
    return std::span(file_).subspan(frames_[i].at, frames_[i].bytes);
  }
  std::span<const std::byte> file() const { return file_; }

  friend bool operator==(const Recording& a, const Recording& b) {
    return a.file_ == b.file_ && a.frames_ == b.frames_;
  }
  bool same_but_for_times(const Recording& other) const {
    if (size() != other.size()) return false;
    for (std::size_t i = 0; i < size(); ++i) {
      if (!std::ranges::equal(frame(i), other.frame(i))) return false;
    }
    return true;
  }

 private:
  struct Record {
    Instant time;
    std::size_t at = 0;
    std::size_t bytes = 0;
    friend bool operator==(const Record&, const Record&) = default;
  };

  void add(std::uint32_t word) {
    const std::array<std::byte, 4> bytes{
        static_cast<std::byte>(word), static_cast<std::byte>(word >> 8),
        static_cast<std::byte>(word >> 16), static_cast<std::byte>(word >> 24)};
    file_.insert(file_.end(), bytes.begin(), bytes.end());
  }

  std::vector<Record> frames_;
  std::vector<std::byte> file_;
};

class RecordingObserver final : public Observer {
 public:
  void record_to(Recorder& recorder) { recorder_ = &recorder; }
  void on_offered(Instant now, const Passage& passage, const Offer& offer) override {
    record(now, passage, PacketType::kOutgoing, offer.number);
  }
  void on_delivered(Instant now, const Passage& passage, const Delivery& delivery) override {
    record(now, passage, PacketType::kIncoming, delivery.number);
  }

 private:
  void record(Instant now, const Passage& passage, PacketType type, std::uint64_t number) {
    const bool at_client =
        (passage.direction == Direction::kUplink) == (type == PacketType::kOutgoing);
    recorder_->record({.time = now,
                       .host = at_client ? RecordedHost::kClient : RecordedHost::kServer,
                       .type = type,
                       .number = number,
                       .source = passage.source,
                       .destination = passage.destination,
                       .payload = passage.payload});
  }

  Recorder* recorder_ = nullptr;
};

void record(std::span<const std::byte> bytes, Recording& recording) {
  recording.clear();
  Recorder recorder;
  recorder.add(recording);
  // Large, and so made once.
  static RecordingObserver observer;
  static ScriptedRun run;
  static const bool observed = (run.observe(observer), true);
  must(observed, "the run is observed");
  observer.record_to(recorder);
  static Script script;
  decode(bytes, script);
  run.run(script);
}

struct Comparison {
  bool same = false;
  std::uint64_t matched = 0;
};

Comparison compare(const Recording& golden, const Recording& run,
                   GoldenMatch match = GoldenMatch::kTimeAndBytes) {
  auto opened = PcapReader::read(std::make_unique<InputStream>(golden.file()), "memory");
  auto* const reader = std::get_if<PcapReader>(&opened);
  must(reader != nullptr, "a recording can be read");
  GoldenComparer comparer(std::move(*reader), match);
  for (std::size_t i = 0; i < run.size(); ++i) comparer.write(run.time(i), run.frame(i));
  comparer.finish();
  // Two of nothing are the same, but that says nothing.
  const bool nothing = golden.size() + run.size() == 0;
  must(comparer.error().has_value() == nothing, "a recording can be read to its end");
  must(nothing || comparer.same() == comparer.explanation().empty(), "a difference is explained");
  Trace::add(comparer.explanation());
  return {nothing || comparer.same(), comparer.matched()};
}

}  // namespace
}  // namespace lossy::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lossy;
  if (size == 0) return 0;
  const auto scripts = std::as_bytes(std::span(data, size)).subspan(1);
  const std::size_t split = std::min<std::size_t>(data[0], scripts.size());
  return fuzz::must_hold([&scripts, split] {
    static fuzz::Recording a;
    static fuzz::Recording b;
    fuzz::record(scripts.first(split), a);
    fuzz::record(scripts.subspan(split), b);
    const bool equal = a == b;
    const auto itself = fuzz::compare(a, a);
    fuzz::must(itself.same && itself.matched == a.size(), "a run is the same as itself");
    const auto one = fuzz::compare(a, b);
    const auto other = fuzz::compare(b, a);
    fuzz::must(one.same == equal && other.same == equal, "what differs differs either way");
    fuzz::must(one.matched == other.matched, "what is the same is the same either way");
    const auto timeless = fuzz::compare(a, b, GoldenMatch::kBytes);
    fuzz::must(timeless.same == a.same_but_for_times(b), "without times only content counts");
    fuzz::must(timeless.matched >= one.matched, "without times no less is the same");
  });
}
