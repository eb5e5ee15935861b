#include <lossy/harness/capture/heard_answers.hpp>

#include <algorithm>

namespace lossy {

void HeardAnswers::add_request(Instant now) {
  ++requests_;
  asked_ = now;
}

void HeardAnswers::add_answer(Instant now, std::span<const std::byte> payload) {
  if (requests_ == 0) return;  // Nobody asked for it.
  answers_.push_back({requests_, saturating_between(asked_, now), payloads_.add(payload)});
}

RecordedFlow HeardAnswers::flow() const {
  RecordedFlow heard{.number = flow_.number,
                     .client = flow_.client,
                     .server = flow_.server,
                     .retransmitted = flow_.retransmitted};
  auto answer = answers_.begin();
  Duration at{};
  for (RecordedStep step : flow_.steps) {
    if (!step.is_request) continue;
    at = std::max(at, step.at);
    const Duration asked = step.at = at;
    const std::uint64_t record = step.record;
    const auto request = static_cast<std::uint32_t>(heard.steps.size());
    step.request = request;
    heard.steps.push_back(step);
    ++heard.requests;
    for (; answer != answers_.end() && answer->requests == heard.requests; ++answer) {
      at = std::max(at, saturating_add(Instant(asked), answer->after) - Instant{});
      heard.steps.push_back(
          {.request = request, .record = record, .at = at, .payload = answer->payload});
      ++heard.answers;
    }
  }
  return heard;
}

}  // namespace lossy
