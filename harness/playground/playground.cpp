// What a page calls: lossy as one function from words to JSON, compiled to WebAssembly.
//
//   run ARGUMENTS...                the arguments are those behind "lossy simulate"
//     -> {"arguments": [...], "summary": {as --json prints it}, "page": {see
//     report/page/README.md}}
//   fate uplink NUMBER EDIT ARGUMENTS...      drop, duplicate or deliver, as another run would
//     -> {"arguments": [...]}       every other fate as it was, as a list of faults
//   profiles
//     -> {"profiles": [{"name": ..., "description": ...}]}
//   lessons
//     -> {"lessons": [{"lesson": 1, "name": ..., "title": ..., "left_out": ..., "question": ...}]}
//   learn NAME                      what lossy learn NAME --json prints
// What cannot be done gives {"error": "why"}, the line that the command would end with; and of run
// the command itself, "command".
#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>

#include <lossy/core/escape.hpp>
#include <lossy/harness/cli/page_head.hpp>
#include <lossy/harness/learn/lesson_text.hpp>
#include <lossy/harness/link/profiles.hpp>
#include <lossy/harness/playground/edited_fates.hpp>
#include <lossy/harness/playground/simulated_run.hpp>
#include <lossy/harness/report/json_text.hpp>

namespace lossy {
namespace {

using Json = nlohmann::ordered_json;

std::string run(const Arguments& arguments) {
  const SimulatedRun run(arguments);
  PageCollector collector(PageCollector::Ends::kTold);
  const RunReport report =
      run.run(collector, [&](const RunEvent& event) { collector.on_event(event); });
  Json page =
      page_data(page_head(report),
                Json::array({page_run(report, collector, page_path(run.scenario().path()))}));
  return json_text({{"arguments", run.arguments()},
                    {"summary", summary_json(report)},
                    {"page", std::move(page)}});
}

Edit edit_of(const std::string& word) {
  if (word == "drop") return Edit::kDrop;
  if (word == "duplicate") return Edit::kDuplicate;
  if (word == "deliver") return Edit::kDeliver;
  throw std::runtime_error("there is no edit " + quote(word));
}

std::string fate(const Arguments& words) {
  const SimulatedRun run({words.begin() + 3, words.end()});
  EditedFates fates(run.scenario().path(),
                    words[0] == "uplink" ? Direction::kUplink : Direction::kDownlink,
                    parse_whole(words[1], 1, UINT64_MAX), edit_of(words[2]));
  run.run(fates, nullptr);
  return json_text({{"arguments", run.with_faults(fates.faults())}});
}

std::string all_profiles() {
  Json list = Json::array();
  for (const Profile& profile : profiles()) {
    list.push_back({{"name", profile.name}, {"description", profile.description}});
  }
  return json_text({{"profiles", std::move(list)}});
}

std::string all_lessons() {
  Json list = Json::array();
  for (const Lesson& lesson : simulated_lessons()) {
    list.push_back({{"lesson", lesson.number},
                    {"name", lesson.name},
                    {"title", lesson.title},
                    {"left_out", lesson.left_out},
                    {"question", lesson.question}});
  }
  return json_text({{"lessons", std::move(list)}});
}

std::string learn(const std::string& name) {
  for (const Lesson& lesson : simulated_lessons()) {
    if (name != lesson.name) continue;
    const Settings settings(lesson.takes);
    return json_text(lesson_json(lesson, settings, lesson.run(settings)));
  }
  throw std::runtime_error("there is no lesson " + quote(name) + " without sockets");
}

std::string answer(const Arguments& words) {
  if (words[0] == "run") return run({words.begin() + 1, words.end()});
  if (words[0] == "fate" && words.size() > 3) return fate({words.begin() + 1, words.end()});
  if (words[0] == "profiles") return all_profiles();
  if (words[0] == "lessons") return all_lessons();
  if (words[0] == "learn" && words.size() == 2) return learn(words[1]);
  throw std::runtime_error("there is nothing called " + quote(words[0]));
}

// Each word ends with a zero.
Arguments words_of(std::string_view text) {
  Arguments words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\0'), text.size() - 1);
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  if (words.empty()) words.emplace_back();
  return words;
}

std::string last_answer;

}  // namespace
}  // namespace lossy

extern "C" {

// Gives where the answer begins, which stays until the next call.
const char* lossy_call(const char* words, std::size_t size) {
  using namespace lossy;
  const Arguments asked = words_of({words, size});
  try {
    last_answer = answer(asked);
  } catch (const std::exception& error) {
    Json refusal{{"error", escape_controls(error.what())}};
    if (asked[0] == "run") {
      refusal["command"] = simulate_command_line({asked.begin() + 1, asked.end()}).text();
    }
    last_answer = json_text(refusal);
  }
  return last_answer.data();
}

std::size_t lossy_answer_size() {
  return lossy::last_answer.size();
}
}
