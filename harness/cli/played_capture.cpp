#include <lossy/harness/cli/played_capture.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include <lossy/harness/capture/heard_answers.hpp>
#include <lossy/harness/cli/reasons.hpp>

namespace lossy {
namespace {

// Of so many flows of a file that do not hold the findings are kept, as for JUnit's form.
constexpr std::size_t kDetailedMax = 1024;

std::string refusal_text(SocketOutcome outcome, const Address& server) {
  if (outcome == SocketOutcome::kTooLong) {
    return fmt::format("a request is too long for the way to {} (ICMP)", server.to_string());
  }
  return outcome == SocketOutcome::kRefused
             ? fmt::format("nobody listens on {} (ICMP port unreachable)", server.to_string())
             : fmt::format("there is no way to {} (ICMP unreachable)", server.to_string());
}

}  // namespace

// A flow that is being played.
class PlayedCapture::Flow final : public ClientCrowd::Client {
 public:
  Flow(std::size_t index, RecordedFlows& recorded, const ReplayClientOptions& options,
       Instant start, Instant now, std::uint64_t& sent)
      : index_(index),
        options_(options),
        client_(recorded.flows[index], options, start),
        sent_(sent),
        started_(now) {}

  // From now on it remembers what is answered.
  void remember(RecordedFlows& recorded) {
    heard_.emplace(recorded.flows[index_], recorded.payloads);
  }

  void handle_datagram(Instant now, const Datagram& datagram) override {
    client_.handle_datagram(now, datagram);
    if (heard_ && datagram.source == options_.server) heard_->add_answer(now, datagram.payload);
    latest_ = now;
  }
  void handle_timeout(Instant now) override { client_.handle_timeout(now); }
  std::optional<Transmit> poll_transmit(Instant now, std::span<std::byte> buffer) override {
    const auto transmit = client_.poll_transmit(now, buffer);
    if (!transmit) return transmit;
    ++sent_;
    if (heard_) heard_->add_request(now);
    return transmit;
  }
  std::optional<Instant> poll_timeout() const override { return client_.poll_timeout(); }
  void handle_icmp(Instant now, SocketOutcome outcome) override {
    // One that is too long is lost; shorter ones need not be.
    if (outcome == SocketOutcome::kTooLong) {
      ++too_long_;
    } else {
      client_.handle_refusal(now, options_.server);
    }
    if (refusal_.empty()) refusal_ = refusal_text(outcome, options_.server);
  }
  bool is_complete() const override { return client_.is_complete(); }
  bool has_ended() const override { return client_.has_ended(); }

  std::size_t index() const { return index_; }
  RecordedFlow heard() const { return heard_->flow(); }
  ReplayOutcome outcome() const {
    ReplayOutcome outcome = client_.outcome();
    outcome.refusals += too_long_;
    return outcome;
  }
  const std::string& refusal() const { return refusal_; }
  Duration took() const { return latest_ - started_; }

 private:
  std::size_t index_;
  const ReplayClientOptions& options_;
  ReplayClient client_;
  std::optional<HeardAnswers> heard_;
  std::uint64_t& sent_;  // By all flows.
  std::string refusal_;
  std::uint64_t too_long_ = 0;  // Requests, as ICMP says.
  Instant started_;
  Instant latest_ = started_;  // When something came.
};

PlayedCapture::PlayedCapture(RecordedFlows& recorded, const ReplayClientOptions& options,
                             Instant start, std::vector<RecordedFlow>* heard)
    : recorded_(recorded), options_(options), start_(start), heard_(heard) {
  std::ranges::sort(recorded.flows, {},
                    [](const RecordedFlow& flow) { return flow.steps.front().number; });
  results_.resize(recorded.flows.size());
  playing_.resize(recorded.flows.size());
}

PlayedCapture::~PlayedCapture() = default;

std::optional<Instant> PlayedCapture::next_start() const {
  if (stopped_ || next_ == recorded_.flows.size()) return std::nullopt;
  return saturating_add(start_, options_.timing.due(recorded_.flows[next_].steps.front()));
}

ClientCrowd::Client& PlayedCapture::start(Instant now) {
  const std::size_t index = next_++;
  playing_[index] = std::make_unique<Flow>(index, recorded_, options_, start_, now, sent_);
  if (heard_ != nullptr) playing_[index]->remember(recorded_);
  return *playing_[index];
}

void PlayedCapture::end(ClientCrowd::Client& client, const ClientCrowd::SocketReport& socket) {
  const auto& flow = static_cast<Flow&>(client);
  const std::size_t index = flow.index();
  AgainstFlow& result = results_[index];
  result.recorded = &recorded_.flows[index];
  result.outcome = flow.outcome();
  result.refusal = flow.refusal();
  result.not_sent = socket.counters.not_sent_in_all();
  result.not_sent_by = list_of(reasons_of(socket.counters.not_sent, SocketOutcome{}));
  result.kernel_dropped = socket.kernel_dropped;
  result.interrupted = stopped_ && !flow.has_ended() && !flow.is_complete();
  result.took = flow.took();
  if (heard_ != nullptr) heard_->push_back(flow.heard());
  // What nobody will read need not be kept.
  if (!result.holds() && ++failed_ > kDetailedMax) result.outcome.findings = {};
  playing_[index].reset();
}

std::vector<AgainstFlow> PlayedCapture::take_results() {
  for (; next_ < results_.size(); ++next_) {  // Those that were not begun.
    results_[next_].recorded = &recorded_.flows[next_];
    results_[next_].interrupted = true;
  }
  const auto is_heard = [](const AgainstFlow& flow) {
    const ReplayOutcome& came = flow.outcome;
    return came.matched + came.different + came.late + came.unexpected > 0;
  };
  const bool heard = std::ranges::any_of(results_, is_heard);
  for (AgainstFlow& flow : results_) flow.server_heard = heard;
  std::ranges::sort(results_, {}, [](const AgainstFlow& flow) { return flow.recorded->number; });
  return std::move(results_);
}

}  // namespace lossy
