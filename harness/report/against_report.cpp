#include <lossy/harness/report/against_report.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include <lossy/core/counted.hpp>
#include <lossy/harness/capture/describe.hpp>
#include <lossy/harness/capture/hexdump.hpp>
#include <lossy/harness/report/readable.hpp>

namespace lossy {
namespace {

std::string describe_step(const RecordedStep& step) {
  return fmt::format("record {}: {}", step.record, describe_payload(step.payload));
}

// How what is expected, and what came, are called.
struct Words {
  // In front of a record's number.
  const char* answer;
  const char* overtaken;
  // In front of payloads, and in sentences.
  const char* expected;
  const char* actual;
  const char* as;
  const char* none;
};
constexpr Words kOfCapture = {.answer = "record ",
                              .overtaken = "the answer of record ",
                              .expected = "expected (capture):",
                              .actual = "actual (server):   ",
                              .as = "recorded",
                              .none = "the capture has"};
constexpr Words kOfServers = {.answer = "answer to record ",
                              .overtaken = "the answer to record ",
                              .expected = "expected (first):  ",
                              .actual = "actual (second):   ",
                              .as = "the first server's",
                              .none = "the first server gave"};

const Words& words_of(const AgainstFlow& flow) {
  return flow.of_servers ? kOfServers : kOfCapture;
}

std::string title(const AgainstFlow& flow, const ReplayFinding& finding, FindingTimes times) {
  const bool timed = times == FindingTimes::kShown;
  const std::string after = readable(finding.after);
  if (finding.verdict == AnswerVerdict::kUnexpected) {
    return fmt::format("unexpected: from {}{}: {}\n", finding.source.to_string(),
                       timed ? ", " + after + " after the start" : "",
                       describe_payload(finding.payload));
  }
  const Words& words = words_of(flow);
  std::string text = fmt::format("{}{}: ", words.answer, finding.expected->record);
  switch (finding.verdict) {
    case AnswerVerdict::kMissing:
      return text + "missing: no such answer has come\n";
    case AnswerVerdict::kLate:
      return text + (timed ? "late: it came " + after + " after the request\n" : "late\n");
    default:
      break;
  }
  if (finding.overtaken != nullptr) {
    return text + fmt::format("different: it came behind {}{}\n", words.overtaken,
                              finding.overtaken->record);
  }
  return text + (finding.has_actual && timed
                     ? "different: " + after + " after the request came something else\n"
                     : "different: something else came\n");
}

std::string describe_finding(const AgainstFlow& flow, const ReplayFinding& finding,
                             const PayloadMask& mask, FindingTimes times) {
  std::string text = title(flow, finding, times);
  if (finding.expected == nullptr) return text;
  const RecordedStep& expected = *finding.expected;
  const Words& words = words_of(flow);
  text +=
      fmt::format("request:            {}\n{} {}\n",
                  describe_step(flow.recorded->steps[expected.request]), words.expected,
                  flow.of_servers ? describe_payload(expected.payload) : describe_step(expected));
  if (!finding.has_actual) return text;
  text += fmt::format("{} {}\n", words.actual, describe_payload(finding.payload));
  std::vector<std::byte> shown = finding.payload;
  mask.copy_ranges(finding.expected->payload, shown);
  return text + side_by_side(finding.expected->payload, shown);
}

// "3 requests", or "1 of 3 requests" where the end came before the others.
std::string requests_sent(const AgainstFlow& flow) {
  const std::string all = counted(flow.recorded->requests, "request");
  return flow.interrupted ? fmt::format("{} of {}", flow.outcome.sent, all)
                          : counted(flow.outcome.sent, "request");
}

}  // namespace

std::string_view AgainstFlow::verdict() const {
  const bool nothing_else = outcome.different + outcome.unexpected + outcome.late == 0;
  if (interrupted && nothing_else) return "interrupted";
  if (nothing_else && outcome.missing > 0 && outcome.missing == unknown()) return "dropped";
  if (not_sent > 0 && nothing_else && outcome.missing <= not_sent) return "not_sent";
  const AnswerVerdict worst = outcome.verdict();
  if (worst == AnswerVerdict::kMatched) {
    if (outcome.refusals > 0) return "refused";
    if (outcome.expected == 0 && !server_heard) return "unchecked";
  }
  return to_string(worst);
}

std::string against_line(const AgainstFlow& flow) {
  const ReplayOutcome& outcome = flow.outcome;
  std::string text = fmt::format("flow {}, {}: {}: ", flow.recorded->number,
                                 flow.recorded->client.to_string(), flow.verdict());
  const Words& words = words_of(flow);
  text += outcome.expected == 0 && !flow.interrupted
              ? fmt::format("{} that {} no answer to", counted(outcome.sent, "request"), words.none)
              : fmt::format("{} of {} as {}, to {}", outcome.matched,
                            counted(outcome.expected, "answer"), words.as, requests_sent(flow));
  const auto add = [&](std::uint64_t number, std::string_view what) {
    if (number > 0) text += fmt::format(", {} {}", number, what);
  };
  add(outcome.different, "different");
  add(outcome.missing - flow.unknown(), flow.interrupted ? "missing so far" : "missing");
  add(flow.unknown(), "missing that the kernel may have dropped here");
  add(outcome.unexpected, "unexpected");
  add(outcome.late, "late");
  if (flow.not_sent > 0) {
    text += fmt::format(", {} could not be sent ({})", counted(flow.not_sent, "request"),
                        flow.not_sent_by);
  }
  if (!flow.refusal.empty()) text += "; " + flow.refusal;
  if (flow.verdict() == "unchecked") text += "; nothing shows that a server is there";
  return text + "\n";
}

std::string against_details(const AgainstFlow& flow, const PayloadMask& mask, FindingTimes times) {
  std::string text;
  for (const ReplayFinding& finding : flow.outcome.findings) {
    text += describe_finding(flow, finding, mask, times);
  }
  const ReplayOutcome& outcome = flow.outcome;
  const std::uint64_t all = outcome.different + outcome.missing + outcome.unexpected + outcome.late;
  if (all > outcome.findings.size()) {
    text += fmt::format("and {} more\n", all - outcome.findings.size());
  }
  return text;
}

nlohmann::ordered_json against_json(const AgainstFlow& flow, const PayloadMask& mask) {
  const ReplayOutcome& outcome = flow.outcome;
  nlohmann::ordered_json json{{"flow", flow.recorded->number},
                              {"client", flow.recorded->client.to_string()},
                              {"server", flow.recorded->server.to_string()},
                              {"result", flow.verdict()},
                              {"requests", flow.recorded->requests},
                              {"sent", outcome.sent},
                              {"expected", outcome.expected},
                              {"matched", outcome.matched},
                              {"different", outcome.different},
                              {"missing", outcome.missing},
                              {"unexpected", outcome.unexpected},
                              {"late", outcome.late},
                              {"retransmissions_left_out", flow.recorded->retransmitted},
                              {"not_sent", flow.not_sent},
                              {"kernel_dropped", flow.kernel_dropped},
                              {"refused", outcome.refusals}};
  if (!flow.refusal.empty()) json["refusal"] = flow.refusal;
  if (!flow.holds()) json["details"] = against_details(flow, mask, FindingTimes::kLeftOut);
  nlohmann::ordered_json& timing = json["timing"];
  timing["seconds"] = in_seconds(flow.took);
  for (const ReplayFinding& finding : outcome.findings) {
    const bool came = finding.verdict != AnswerVerdict::kMissing;
    timing["findings_after_seconds"].push_back(
        came ? nlohmann::ordered_json(in_seconds(finding.after)) : nlohmann::ordered_json());
  }
  return json;
}

}  // namespace lossy
