// Plays the client of a recorded flow again, to a server that may be any, and compares what comes
// back with what the capture has.
//
// 1. A request is sent when the timing says: each time counts from one fixed start, so that nothing
//    that is late makes what follows later still.
// 2. Before that, all answers that the capture has before it must have come, or something else in
//    their place, or their time must be over. Whoever waited three times in a row in vain, or heard
//    that nobody listens, waits no more until something comes.
// 3. An answer is told by its content, whatever the order; each of the capture's stands for one.
//    What matches none stands in the place of one that was asked for and did not come: the one that
//    it has most bytes in common with. If that one comes after all, the other was unexpected.
// 4. An answer's time counts from the request in front of it in the capture, and is over `timeout`
//    after the time it took there. What comes then is late, as long as the flow lasts: that is for
//    another `timeout`. What does not come at all is missing.
// 5. When all have come the flow is complete, and takes what is unexpected for `linger` more.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <lossy/core/endpoint.hpp>
#include <lossy/harness/capture/payload_mask.hpp>
#include <lossy/harness/capture/recorded_flows.hpp>

namespace lossy {

// When requests are due.
class ReplayTiming {
 public:
  // As in the capture, so many thousandths as fast.
  static ReplayTiming captured(std::uint64_t speed_thousandths = 1000);
  // So many in a time, over all flows, in the capture's order.
  static ReplayTiming paced(std::uint64_t requests, Duration time);
  // As soon as nothing is waited for.
  static ReplayTiming top_speed();

  bool is_paced() const { return pace_requests_ > 0; }

  // Since the start.
  Duration due(const RecordedStep& request) const;

 private:
  std::uint64_t speed_thousandths_ = 0;
  std::uint64_t pace_requests_ = 0;
  std::uint64_t pace_ns_ = 0;
};

struct ReplayClientOptions {
  Address server;
  ReplayTiming timing = ReplayTiming::captured();
  Duration timeout = std::chrono::seconds(1);
  Duration linger = std::chrono::milliseconds(100);  // How long what is complete goes on listening.
  bool wait = true;                                  // For answers, before the next request.
  bool ordered = false;  // An answer must not come after one that is behind it in the capture.
  bool ignore_unexpected = false;
  const PayloadMask* mask = nullptr;  // May be none.
};

// What a datagram of the server's was to the flow, or that there was none.
enum class AnswerVerdict : std::uint8_t { kMatched, kLate, kUnexpected, kMissing, kDifferent };
std::string_view to_string(AnswerVerdict verdict);  // "matched", "late", "unexpected", ...

struct ReplayFinding {
  AnswerVerdict verdict = AnswerVerdict::kMatched;
  const RecordedStep* expected = nullptr;   // But for kUnexpected.
  const RecordedStep* overtaken = nullptr;  // Of one out of order: what came before it.
  // What came in its place, or was unexpected; when it is one of the first.
  bool has_actual = false;
  Address source{};
  std::vector<std::byte> payload{};
  // Since the request in front of it was sent, or since the start.
  Duration after{};
};

struct ReplayOutcome {
  std::uint64_t sent = 0;      // Requests.
  std::uint64_t expected = 0;  // Answers to those, by the capture.
  // Of these:
  std::uint64_t matched = 0;
  std::uint64_t late = 0;
  std::uint64_t different = 0;  // Those out of order among them.
  std::uint64_t missing = 0;
  // Besides:
  std::uint64_t unexpected = 0;
  std::uint64_t refusals = 0;             // Told by ICMP.
  std::vector<ReplayFinding> findings{};  // The first few; what is late comes last.

  // The worst: different, missing, unexpected, late, else matched.
  AnswerVerdict verdict() const;
};

class ReplayClient final : public Endpoint {
 public:
  static constexpr std::size_t kFindingsMax = 4;

  // The flow and the mask must outlive it. What is due at once is due at `start`.
  ReplayClient(const RecordedFlow& flow, const ReplayClientOptions& options, Instant start);

  void handle_datagram(Instant now, const Datagram& datagram) override;
  // Nobody listens, or there is no way.
  void handle_refusal(Instant now, const Address& destination) override;
  void handle_timeout(Instant now) override;
  std::optional<Transmit> poll_transmit(Instant now, std::span<std::byte> buffer) override;
  std::optional<Instant> poll_timeout() const override;

  // All was sent, and came; what else comes is unexpected.
  bool is_complete() const { return next_ == steps_.size() && unmatched_ == 0; }
  // It is over: nothing more is sent or looked at.
  bool has_ended() const { return ended_; }

  // What has become of the flow until now.
  ReplayOutcome outcome() const;

 private:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  static constexpr int kInVainMax = 3;
  static constexpr std::size_t kAlikeBytes = 64;     // That are looked at to tell what is alike,
  static constexpr std::size_t kCandidatesMax = 64;  // and of how many.

  enum class State : std::uint8_t {
    kNotDue,
    kDue,       // It was asked for.
    kReplaced,  // The same, and something else came in its place.
    kMatched,
    kLate,
  };
  // An answer that the capture has.
  struct Expected {
    std::uint32_t step = 0;
    std::uint32_t behind = 0;  // The request in front of it.
    State state = State::kNotDue;
    Instant asked{};
    std::uint32_t stray = kNone;      // What came in its place, if it was kept.
    std::uint32_t overtaken = kNone;  // What came before it, and must not.
    std::uint32_t before = kNone;     // Among those that are due.
    std::uint32_t after = kNone;
    std::uint32_t alike = kNone;  // The next one with the same hash.
  };
  // A datagram that is no answer of the capture's, kept to be shown.
  struct Stray {
    Instant at{};
    Address source{};
    std::vector<std::byte> payload{};
    bool in_place = false;  // Of an answer.
  };

  std::span<const std::byte> kept(std::uint32_t expected);
  std::uint32_t find(std::span<const std::byte> payload);
  void index();
  void match(std::uint32_t expected, Instant now);
  void take_stray(Instant now, const Datagram& datagram, bool may_be_answer);
  // Puts a stray, or one that was not kept, in the place of the due answer that is most like it.
  void place(std::uint32_t stray, std::span<const std::byte> payload);
  void make_due(Instant now);
  // It has come, or something in its place.
  void end_due(std::uint32_t expected);
  bool waits(Instant now);
  bool listens_in_vain() const { return refused_ || in_vain_ >= kInVainMax; }
  Instant time_over(const Expected& expected) const;
  Instant end() const;
  void add_finding(std::vector<ReplayFinding>& findings, AnswerVerdict verdict,
                   const Expected& expected, Duration after = {}) const;

  const std::vector<RecordedStep>& steps_;
  ReplayClientOptions options_;
  Instant start_;
  std::size_t next_ = 0;  // The step that is to be taken.
  bool ended_ = false;
  Instant asked_;   // When a request was last sent.
  Instant active_;  // The same, or when an answer came that the capture has.

  std::vector<Expected> expected_;
  std::uint32_t due_ = 0;  // How many of them became due.
  std::uint32_t first_due_ = kNone;
  std::uint32_t last_due_ = kNone;
  std::uint32_t unmatched_ = 0;  // Those that are due or replaced.
  Instant time_over_;            // Of all that became due.
  std::uint32_t highest_matched_ = kNone;
  std::unordered_map<std::size_t, std::uint32_t> by_hash_;
  bool indexed_ = false;

  std::uint32_t waited_for_ = 0;   // How many of those that are due,
  std::uint32_t waited_from_ = 0;  // from which one on,
  Instant wait_until_{};           // and until when.
  int in_vain_ = 0;
  bool refused_ = false;

  std::vector<Stray> strays_;
  std::vector<ReplayFinding> late_;
  ReplayOutcome counted_;
  std::vector<std::byte> kept_;
  std::vector<std::byte> kept_expected_;
};

}  // namespace lossy
