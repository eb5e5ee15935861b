// Replays the server's side of any capture that shows its datagrams in real time: part of
// replay_capture().
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <lossy/core/endpoint.hpp>
#include <lossy/harness/capture/describe.hpp>
#include <lossy/harness/capture/flow_views.hpp>
#include <lossy/harness/capture/replay_difference.hpp>

namespace lossy {

// A capture of somebody else's tells the server by its port, and a proxy's recording by its marks.
// A server may have every port of its host: then whoever asked it at its port speaks with any of
// them from then on, and the ports from which it answers, which are chosen anew each time, are told
// apart by what is sent from them. All of that is one flow.
//
// A timeout of the server's runs when the capture shows what it sends then, at its time or up to a
// second later; one that sends nothing, a second later.
//
// What a capture shows once more (FlowViews) counts once. Which flows there are takes a survey of
// the whole file, before the run; answers in front of a flow's first request are of an earlier one,
// but in a proxy's recording, which begins with its flows.
class OneSidedReplay {
 public:
  // Without a port it is for a proxy's recording.
  explicit OneSidedReplay(std::optional<std::uint16_t> server_port, bool has_every_port = false)
      : server_port_(server_port), has_every_port_(has_every_port) {}

  // A proxy may forget a flow, change its port or end while the server still answers: what the
  // server was asked in a flow's last second there need not have been answered. By then a client
  // asks again (RFC 8085 section 3.1.1), and that makes the flow longer.
  static constexpr Duration kAnswerTakesMax = std::chrono::seconds(1);

  static constexpr std::size_t kAnswersDueMax = std::size_t{1} << 16;
  static constexpr Duration kLateMax = std::chrono::seconds(1);  // Of a timeout.
  static constexpr std::size_t kTimeoutsAtOnceMax = 10'000;      // One that has more is broken.

  // How payloads read in a difference; without this they are quoted. Before run().
  void describe_with(PayloadWords words) { tail_ = RecordTail(kTailRecords, std::move(words)); }

  // Requests with bad checksums are given to the server, too.
  void take_bad_checksums() { take_bad_checksums_ = true; }

  // Call it for every datagram of the file, in order. Whether the server received or sent it.
  bool survey(const Frame& frame);

  // Replays until the first difference, or the end.
  void run(PcapReader& reader, Endpoint& server);

  // Of these at most one is there afterwards.
  const std::string& difference() const { return difference_; }
  std::uint64_t different_record() const { return different_record_; }
  const std::string& failure() const { return failure_; }  // Why it cannot be tried.

  std::size_t flows() const { return flows_.size(); }
  std::uint64_t answers() const { return answers_; }  // That the survey saw.
  // Whether some answer that it saw is a greeting. Any short text is a name, so that requests only
  // tell where there are no answers.
  bool has_greetings() const { return answers_ > 0 ? greetings_ > 0 : names_ > 0; }
  std::uint64_t received() const { return received_; }
  std::uint64_t sent() const { return sent_; }
  std::uint64_t repeated() const { return repeated_; }
  std::uint64_t unasked() const { return unasked_; }  // Answers in front of any request.
  std::uint64_t bad_checksum() const { return bad_checksum_; }
  std::uint64_t cut_off() const { return cut_off_; }  // Answers that the flow ended before.

 private:
  struct HashFlow {
    std::size_t operator()(const FlowAddresses& flow) const;
  };
  // What the server answered, until the capture says so, too.
  struct AnswerDue {
    std::uint64_t request_record = 0;
    Instant time;
    std::uint16_t own_port = 0;  // From which it was sent; 0 where the endpoint does not say.
    std::vector<std::byte> payload;
  };
  // One of the ports from which a server answers: in the capture, and the endpoint's own.
  struct Port {
    std::uint16_t seen = 0;
    std::uint16_t own = 0;
  };
  struct Flow {
    FlowViews views;
    bool asked = false;
    std::list<AnswerDue> due;
    std::vector<Port> ports;  // The latest last.
    Instant last = Instant::min();
  };
  enum class Kind : std::uint8_t { kOther, kRequest, kAnswer };

  Kind classify(const Frame& frame) const;
  // With the port at which the server is asked.
  FlowAddresses addresses_of(Kind kind, const Frame& frame) const;
  void replay_request(const Frame& frame, Flow& flow, Endpoint& server);
  void replay_answer(const CaptureRecord& record, const Frame& frame, Flow& flow, Endpoint& server);
  // Whether it is what is due next.
  static bool is_due(const Flow& flow, const Frame& frame);
  // Where the endpoint is for what came to a port of the server's; nothing when that is a port from
  // which it has not answered.
  std::optional<Address> own_destination(const Flow& flow, const Address& seen) const;
  // The next timeout of the server that is due by then; false when there is none.
  bool time_out(Endpoint& server, Instant until);
  // Takes what the server sends.
  void drain(Endpoint& server);
  void check_end();
  // An answer that has been due for longest, and was never seen.
  void report_unanswered(std::uint64_t record);
  void report(const ReplayDifference& difference);

  std::optional<std::uint16_t> server_port_;
  bool has_every_port_ = false;
  bool take_bad_checksums_ = false;
  std::unordered_map<FlowAddresses, Flow, HashFlow> flows_;
  bool too_many_flows_ = false;
  std::unordered_map<Address, Address> asked_at_;  // By the client, what it asked last.
  std::pair<Instant, std::size_t> timeouts_at_once_{};
  std::uint64_t answers_ = 0;
  std::uint64_t greetings_ = 0;  // Among these.
  std::uint64_t names_ = 0;      // Among the requests.

  PcapReader* reader_ = nullptr;  // During run().
  RecordTail tail_{kTailRecords};
  std::vector<std::byte> buffer_;
  std::size_t answers_due_ = 0;
  Instant now_{};
  std::uint64_t records_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t repeated_ = 0;
  std::uint64_t unasked_ = 0;
  std::uint64_t bad_checksum_ = 0;
  std::uint64_t cut_off_ = 0;
  std::string difference_;
  std::uint64_t different_record_ = 0;
  std::string failure_;

  static constexpr std::size_t kTailRecords = 64;
};

}  // namespace lossy
