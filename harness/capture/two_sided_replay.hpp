// Replays a recording that shows both hosts: part of replay_capture().
#pragma once

#include <deque>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <lossy/core/endpoint.hpp>
#include <lossy/harness/capture/describe.hpp>
#include <lossy/harness/capture/recorder.hpp>
#include <lossy/harness/capture/replay_difference.hpp>

namespace lossy {

// An endpoint that is given what a recording says it received, and runs its own timeouts.
class ReplayedEndpoint {
 public:
  struct Sent {
    Instant time;
    Address destination;
    std::optional<Address> source;       // Where the endpoint says so.
    std::span<const std::byte> payload;  // Valid until the next call.
  };

  explicit ReplayedEndpoint(Endpoint& endpoint) : endpoint_(&endpoint), buffer_(kPayloadBytesMax) {}

  // The next datagram it sends, running its timeouts up to and including `until` as far as needed.
  std::optional<Sent> next_sent(Instant until);

  // What it sends at `now`, when timeouts that are due by then run, however late that is for them:
  // the next datagram. Call it only when it has nothing more to send from before.
  std::optional<Sent> sent_at(Instant now);

  // Call it only when next_sent() has nothing more up to the moment before.
  void receive(Instant now, const Datagram& datagram);
  // The same, of what it sent to a port that nobody had open.
  void hear_refusal(Instant now, const Address& destination);
  bool listens_at(const Address& local) const { return endpoint_->listens_at(local); }

  // Its time begins, at another instant than Instant{}. Before anything else.
  void start(Instant now) { now_ = now; }
  // The time it has reached.
  Instant now() const { return now_; }
  // It runs timeout after timeout and sends nothing: it is broken, and is not asked any more.
  bool is_stuck() const { return stuck_; }

 private:
  Endpoint* endpoint_;
  std::vector<std::byte> buffer_;
  Instant now_{};
  bool stuck_ = false;
};

class TwoSidedReplay {
 public:
  // How late a real machine's timeouts may be. What is later counts as not sent.
  static constexpr Duration kLateMax = std::chrono::seconds(1);

  // A client that is not there is not checked. `by` says which of the frames are the recording's:
  // those of a run in virtual or in real time.
  TwoSidedReplay(PcapReader& reader, Endpoint* client, Endpoint& server,
                 RecordedBy by = RecordedBy::kRun);

  // How payloads read in a difference; without this they are quoted. Before run().
  void describe_with(PayloadWords words);
  // A bad checksum is no difference.
  void take_bad_checksums() { take_bad_checksums_ = true; }

  // Replays until the first difference, or the end.
  void run();

  // Of these at most one is there afterwards.
  const std::string& difference() const { return difference_; }
  std::uint64_t different_record() const { return different_record_; }
  const std::string& failure() const { return failure_; }  // Why it cannot be tried.

  std::uint64_t flows() const { return flows_.size(); }
  std::uint64_t received() const { return received_; }
  std::uint64_t sent() const { return sent_; }

 private:
  using Sent = ReplayedEndpoint::Sent;

  bool is_ours(const Frame& frame) const { return recorded_by(frame) == by_; }
  bool is_sent_by(const Frame& frame, RecordedHost host) const;
  // Until when timeouts have run that are seen in nothing, when something happens at `time`.
  Instant surely_over(Instant time) const;
  void start(Instant time);
  // What arrived at a closed port: its sender hears of it as long afterwards as it took.
  void refuse(const CaptureRecord& record, const Frame& frame);
  void tell_refusals(Instant until, const std::optional<CaptureRecord>& record);
  bool ended() const { return !difference_.empty() || !failure_.empty(); }
  ReplayedEndpoint* endpoint_of(RecordedHost host);
  void replay(const CaptureRecord& record, const Frame& frame);
  void check_silence_before(Instant time, const CaptureRecord& record);
  void check_sent(ReplayedEndpoint& endpoint, const CaptureRecord& record, const Frame& frame);
  DifferenceSide side_of(const Sent& sent) const;
  void check_end();
  bool check_intact(const CaptureRecord& record, const Frame& frame);
  // Whether a record is of the same datagram at the other host; the latest such, of a sent one the
  // next. Reads on.
  bool is_counterpart(const CaptureRecord& record, const Frame& wanted) const;
  std::optional<CaptureRecord> find_counterpart(const Frame& frame);
  std::optional<CaptureRecord> find_sent(const Frame& frame) const;

  void report_unexpected(RecordedHost host, const Sent& sent,
                         const std::optional<CaptureRecord>& record);
  void report(RecordedHost host, const std::string& title, std::uint64_t record,
              const DifferenceSide& expected, const DifferenceSide& actual);

  struct Refusal {
    Instant due;
    RecordedHost host = RecordedHost::kClient;  // Who hears of it.
    Address destination;
  };

  PcapReader& reader_;
  RecordedBy by_;
  std::deque<Refusal> refusals_;  // The one that is heard first is first.
  std::optional<ReplayedEndpoint> client_;
  ReplayedEndpoint server_;
  FlowAddresses flow_;  // Of the latest record.
  std::set<FlowAddresses> flows_;
  bool take_bad_checksums_ = false;
  RecordTail tail_;
  Instant now_ = Instant::min();
  std::uint64_t records_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t sent_ = 0;
  std::string difference_;
  std::uint64_t different_record_ = 0;
  std::string failure_;
};

}  // namespace lossy
