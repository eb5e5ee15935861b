#include <lossy/harness/capture/recorded_server.hpp>

#include <algorithm>
#include <cstring>

#include <lossy/harness/capture/payload_bytes.hpp>

namespace lossy {
RecordedServer::RecordedServer(const RecordedFlows& recorded, const PayloadMask& mask)
    : mask_(mask) {
  // In the order of the capture, whatever the flow.
  struct Asked {
    const RecordedFlow* flow = nullptr;
    std::size_t step = 0;
  };
  std::vector<Asked> asked;
  for (const RecordedFlow& flow : recorded.flows) {
    for (std::size_t step = 0; step < flow.steps.size(); ++step) {
      if (flow.steps[step].is_request) asked.push_back({&flow, step});
    }
  }
  std::ranges::sort(asked, {}, [](const Asked& one) { return one.flow->steps[one.step].number; });

  // Which time of which request each of them is.
  struct Time {
    std::size_t request = 0;
    Answers answers{};
  };
  std::vector<Time> times(asked.size());
  std::unordered_map<const RecordedStep*, std::size_t> time_of;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const RecordedStep& step = asked[i].flow->steps[asked[i].step];
    const Payload kept = mask_.kept(step.payload, kept_);
    const Request* known = find(kept);
    if (known == nullptr) {
      by_hash_.emplace(hash_of_bytes(kept), requests_.size());
      requests_.push_back({.payload = step.payload, .answers = {}});
      known = &requests_.back();
    }
    times[i].request = static_cast<std::size_t>(known - requests_.data());
    time_of[&step] = i;
  }
  for (const RecordedFlow& flow : recorded.flows) {
    for (const RecordedStep& step : flow.steps) {
      if (!step.is_request) {
        times[time_of[&flow.steps[step.request]]].answers.push_back(step.payload);
      }
    }
  }
  for (Time& time : times) {
    if (!time.answers.empty()) requests_[time.request].answers.push_back(std::move(time.answers));
  }
}

RecordedServer::Request* RecordedServer::find(Payload kept) {
  const auto [begin, end] = by_hash_.equal_range(hash_of_bytes(kept));
  for (auto at = begin; at != end; ++at) {
    Request& request = requests_[at->second];
    if (same_bytes(mask_.kept(request.payload, kept_known_), kept)) return &request;
  }
  return nullptr;
}

void RecordedServer::handle_datagram(Instant, const Datagram& datagram) {
  ++counters_.received;
  answers_ = nullptr;
  Request* const request = find(mask_.kept(datagram.payload, kept_));
  if (request == nullptr) {
    ++counters_.unknown;
    if (!first_unknown_) {
      first_unknown_ = {datagram.source, {datagram.payload.begin(), datagram.payload.end()}};
    }
    return;
  }
  if (request->answers.empty()) {
    ++counters_.silent;
    return;
  }
  ++counters_.answered;
  answers_ = &request->answers[request->asked];
  if (request->asked + 1 < request->answers.size()) ++request->asked;
  next_ = 0;
  client_ = datagram.source;
  if (!mask_.empty()) asked_.assign(datagram.payload.begin(), datagram.payload.end());
}

std::optional<Transmit> RecordedServer::poll_transmit(Instant, std::span<std::byte> buffer) {
  if (answers_ == nullptr || next_ == answers_->size()) return std::nullopt;
  const Payload answer = (*answers_)[next_++];
  if (!answer.empty()) std::memcpy(buffer.data(), answer.data(), answer.size());
  mask_.copy_ranges(asked_, buffer.first(answer.size()));
  ++counters_.sent;
  return Transmit{client_, answer.size()};
}

}  // namespace lossy
