#include <lossy/harness/capture/recorded_flows.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <utility>

#include <lossy/core/counted.hpp>
#include <lossy/core/escape.hpp>
#include <lossy/harness/capture/describe.hpp>
#include <lossy/harness/capture/exchanges.hpp>
#include <lossy/harness/capture/inspector.hpp>
#include <lossy/harness/capture/payload_bytes.hpp>
#include <lossy/harness/capture/reader.hpp>

namespace lossy {
namespace {

using Bytes = std::span<const std::byte>;

// Makes a flow of its datagrams: which request an answer belongs to, and what is only there because
// a request was sent again.
class FlowBuilder {
 public:
  enum class Taken : std::uint8_t { kYes, kLeftOut, kUnasked };

  explicit FlowBuilder(RecordedFlow flow) : flow_(std::move(flow)) {}

  // The step's payload is the caller's; keep() makes it last when the step is taken.
  template <typename Keep>
  Taken add(RecordedStep step, bool retransmissions, Keep&& keep) {
    if (!step.is_request && recent_.empty()) return Taken::kUnasked;
    if (step.is_request) {
      if (!retransmissions && is_sent_again(step.payload)) return Taken::kLeftOut;
      step.request = static_cast<std::uint32_t>(flow_.steps.size());
      if (recent_.size() == kRecentMax) forget_one();
      recent_.push_back({.step = step.request});
      ++flow_.requests;
    } else {
      Recent* const request = answered_by(step.payload, retransmissions);
      if (request == nullptr) return Taken::kLeftOut;
      step.request = request->step;
      if (request->answers.size() < kAnswersKept) {
        request->answers.push_back({static_cast<std::uint32_t>(flow_.steps.size())});
      }
      ++flow_.answers;
    }
    step.payload = keep(step.payload);
    flow_.steps.push_back(step);
    return Taken::kYes;
  }

  RecordedFlow take() { return std::move(flow_); }

 private:
  static constexpr std::size_t kRecentMax = 64;
  static constexpr std::size_t kAnswersKept = 64;

  struct Answer {
    std::uint32_t step = 0;
    std::uint64_t copies = 0;  // That were left out.
  };
  // One of the latest requests.
  struct Recent {
    std::uint32_t step = 0;
    std::uint64_t sent_again = 0;
    std::vector<Answer> answers{};
  };

  // The oldest that was answered, or the oldest.
  void forget_one() {
    const auto answered = std::ranges::find_if(
        recent_, [](const Recent& request) { return !request.answers.empty(); });
    recent_.erase(answered != recent_.end() ? answered : recent_.begin());
  }

  Bytes payload_of(std::uint32_t step) const { return flow_.steps[step].payload; }

  bool is_sent_again(Bytes payload) {
    for (Recent& request : recent_) {
      if (!request.answers.empty() || !same_bytes(payload_of(request.step), payload)) continue;
      ++request.sent_again;
      ++flow_.retransmitted;
      return true;
    }
    return false;
  }

  // The request that this is the answer to; nothing when it is there only because that was sent
  // again.
  Recent* answered_by(Bytes payload, bool retransmissions) {
    const auto waits = [](const Recent& request) { return request.answers.empty(); };
    if (Recent* const waiting = most_repeated_by(payload, waits)) return waiting;
    if (!retransmissions) {
      const bool none_waits = std::ranges::none_of(recent_, waits);
      for (Recent& request : recent_) {
        if (request.sent_again == 0) continue;
        if (!none_waits && bytes_repeated(payload, payload_of(request.step)) == 0) continue;
        if (leave_out_copy(request, payload)) return nullptr;
      }
    }
    if (Recent* const answered = most_repeated_by(payload, std::not_fn(waits))) return answered;
    const auto latest = std::find_if(recent_.rbegin(), recent_.rend(), waits);
    return latest != recent_.rend() ? &*latest : &recent_.back();
  }

  // The oldest of those requests that the answer repeats most of: guest-21 and not guest-2.
  template <typename Wanted>
  Recent* most_repeated_by(Bytes answer, Wanted&& wanted) {
    Recent* found = nullptr;
    std::size_t most = 0;
    for (Recent& request : recent_) {
      if (!wanted(request)) continue;
      const std::size_t repeated = bytes_repeated(answer, payload_of(request.step));
      if (repeated <= most) continue;
      most = repeated;
      found = &request;
    }
    return found;
  }

  bool leave_out_copy(Recent& request, Bytes payload) {
    for (Answer& answer : request.answers) {
      if (answer.copies == request.sent_again || !same_bytes(payload_of(answer.step), payload))
        continue;
      ++answer.copies;
      ++flow_.answered_again;
      return true;
    }
    return false;
  }

  RecordedFlow flow_;
  std::vector<Recent> recent_;  // From the oldest to the latest.
};

class Reading {
 public:
  explicit Reading(const RecordedFlowsOptions& options, std::optional<ServerFinder> servers = {})
      : options_(options),
        inspector_({.server_port = options.server_port,
                    .servers = std::move(servers),
                    .copies = options.host == RecordedHost::kServer
                                  ? FlowViews::Copies::kArrivals
                                  : FlowViews::Copies::kSightings}) {}

  RecordedFlows read(const std::string& path) {
    auto opened = PcapReader::open(path);
    if (const auto* error = std::get_if<CaptureError>(&opened)) {
      recorded_.error = error->text;
      return std::move(recorded_);
    }
    auto& reader = std::get<PcapReader>(opened);
    reader.on_read(options_.on_read);
    if (const auto why = reader.choose({options_.filter, options_.inner})) {
      throw std::invalid_argument(*why);
    }
    while (const auto record = reader.next()) {
      const auto decoded = inspector_.decode(*record);
      const auto sight = inspector_.add(*record, decoded);
      ++recorded_.records;
      add(*record, *sight);
      if (bytes_ > options_.bytes_max) {
        RecordedFlows none;
        none.error = fmt::format(
            "{}: more than {} bytes of datagrams are not held in memory; "
            "take a part of it, with --filter or --flow",
            escape_controls(path), options_.bytes_max);
        return none;
      }
    }
    leave_out_joined(recorded_.skipped, inspector_.reassembly());
    recorded_.filtered_out = reader.filtered_out();
    if (reader.error()) recorded_.error = reader.error()->text;
    for (FlowBuilder& flow : flows_) {
      RecordedFlow done = flow.take();
      if (done.steps.empty()) continue;
      recorded_.requests += done.requests;
      recorded_.answers += done.answers;
      recorded_.flows.push_back(std::move(done));
    }
    return std::move(recorded_);
  }

  // What a second reading is given, if it would tell other clients.
  std::optional<ServerFinder> better_servers() const { return inspector_.better_servers(); }

 private:
  bool counts(const Frame& frame, const Sight& sight) {
    std::uint64_t* reason = nullptr;
    if (sight.flow == 0) {
      reason = &recorded_.beyond_flows;
    } else if (sight.two_sided && recorded_host(frame) != options_.host) {
      reason = &recorded_.other_host;
    } else if (!sight.two_sided && options_.server_port &&
               frame.source.port() != options_.server_port &&
               frame.destination.port() != options_.server_port) {
      reason = &recorded_.other;
    } else if (options_.flow != 0 && options_.flow != sight.flow) {
      reason = &recorded_.other;
    } else if (!options_.bad_checksums && has_bad_checksum(frame)) {
      reason = &recorded_.bad_checksum;
    }
    if (reason != nullptr) ++*reason;
    return reason == nullptr;
  }

  void add(const CaptureRecord& record, const Sight& sight) {
    if (sight.frame == nullptr) {
      ++recorded_.skipped[static_cast<std::size_t>(sight.skipped.reason)];
      return;
    }
    const Frame& frame = *sight.frame;
    recorded_.flows_seen = std::max(recorded_.flows_seen, sight.flow);
    if (!counts(frame, sight)) return;
    if (sight.repeated) {
      ++recorded_.repeated;
      return;
    }
    if (sight.elsewhere) {
      ++recorded_.elsewhere;
      return;
    }
    if (!first_) first_ = record.time;
    at_ = std::max(at_, saturating_between(*first_, record.time));
    const RecordedStep step{.is_request = sight.uplink,
                            .record = record.number,
                            .number = requests_,
                            .at = at_,
                            .payload = frame.payload};
    const auto taken =
        flow_of(frame, sight).add(step, options_.retransmissions, [&](Bytes payload) {
          bytes_ += payload.size() + kStepBytes;
          return recorded_.payloads.add(payload);
        });
    if (taken == FlowBuilder::Taken::kUnasked) ++recorded_.unasked;
    if (taken != FlowBuilder::Taken::kYes) return;
    recorded_.duration = at_;
    if (sight.uplink) ++requests_;
  }

  FlowBuilder& flow_of(const Frame& frame, const Sight& sight) {
    if (index_.size() <= sight.flow) index_.resize(sight.flow + 1, kNoFlow);
    std::size_t& index = index_[sight.flow];
    if (index == kNoFlow) {
      index = flows_.size();
      flows_.emplace_back(RecordedFlow{.number = sight.flow,
                                       .client = sight.uplink ? frame.source : frame.destination,
                                       .server = sight.uplink ? frame.destination : frame.source});
    }
    return flows_[index];
  }

  static constexpr std::size_t kNoFlow = ~std::size_t{0};
  static constexpr std::size_t kStepBytes =
      2 * sizeof(RecordedStep);  // A vector may have more room.

  const RecordedFlowsOptions& options_;
  Inspector inspector_;
  RecordedFlows recorded_;
  std::vector<FlowBuilder> flows_;
  std::vector<std::size_t> index_;  // By the flow's number.
  std::optional<Instant> first_;
  Duration at_{};
  std::uint64_t requests_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace

std::span<const std::byte> PayloadStore::add(std::span<const std::byte> payload) {
  if (payload.empty()) return {};
  if (payload.size() > left_) {
    left_ = std::max(kBlockBytes, payload.size());
    blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(left_));
    block_bytes_ = left_;
  }
  std::byte* const at = blocks_.back().get() + (block_bytes_ - left_);
  std::memcpy(at, payload.data(), payload.size());
  left_ -= payload.size();
  return {at, payload.size()};
}

RecordedFlows read_recorded_flows(const std::string& path, const RecordedFlowsOptions& options) {
  Reading first(options);
  RecordedFlows recorded = first.read(path);
  auto servers = first.better_servers();
  if (!servers) return recorded;
  if (can_be_read_again(path)) return Reading(options, std::move(servers)).read(path);
  recorded.mistaken = true;
  return recorded;
}

std::string left_out_text(const RecordedFlows& recorded) {
  const std::uint64_t skipped = sum_of(recorded.skipped);
  std::string text;
  const auto add = [&](std::uint64_t number, const std::string& what) {
    if (number > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", number, what);
  };
  add(skipped, fmt::format("skipped ({})", describe_skipped(recorded.skipped)));
  add(recorded.other, "of something else");
  add(recorded.repeated, "seen a second time");
  add(recorded.bad_checksum, "with a bad checksum (--bad-checksums takes them)");
  add(recorded.unasked,
      fmt::format("answer{} in front of any request", recorded.unasked == 1 ? "" : "s"));
  add(recorded.elsewhere, "answered by another port or address");
  add(recorded.beyond_flows, fmt::format("of more than {} flows", kInspectedFlowsMax));
  if (text.empty()) return text;
  add(recorded.other_host, "seen by the other host");  // No loss: it is there so that all adds up.
  return fmt::format("of {}: {}", counted(recorded.records, "record"), text);
}

}  // namespace lossy
