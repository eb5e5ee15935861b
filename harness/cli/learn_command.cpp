#include <lossy/harness/cli/learn_command.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include <lossy/harness/cli/exit_code.hpp>
#include <lossy/harness/cli/json_output.hpp>
#include <lossy/harness/cli/option.hpp>
#include <lossy/harness/cli/output.hpp>
#include <lossy/harness/cli/terminal.hpp>
#include <lossy/harness/learn/lesson_text.hpp>
#include <lossy/harness/learn/sockets/socket_lessons.hpp>

namespace lossy {
namespace {

struct LearnOptions {
  std::string lesson;
  std::map<Parameter, std::string> parameters;
  bool check = false;
  JsonOption json;
  bool no_wait = false;
};

// Lines of text that a person reads: as wide as the window, and no wider than is pleasant.
std::size_t text_columns() {
  constexpr std::size_t kPleasant = 90;
  const std::size_t window = window_columns(stdout);
  return window == 0 ? kPleasant : std::clamp<std::size_t>(window, 30, kPleasant);
}

// A pipe gets a lesson a line.
std::size_t list_columns() {
  const std::size_t window = window_columns(stdout);
  return window == 0 ? SIZE_MAX : std::max<std::size_t>(window, 30);
}

std::vector<Lesson> all_lessons() {
  std::vector<Lesson> lessons(simulated_lessons().begin(), simulated_lessons().end());
  lessons.insert(lessons.end(), socket_lessons().begin(), socket_lessons().end());
  std::ranges::sort(lessons, {}, &Lesson::number);
  return lessons;
}

// By number or by name.
Lesson find_lesson(const std::string& word) {
  for (const Lesson& lesson : all_lessons()) {
    if (word == lesson.name || word == std::to_string(lesson.number)) return lesson;
  }
  throw usage_error("LESSON", "there is no lesson " + quote(word) + "; lossy learn lists them");
}

Settings settings_of(const Lesson& lesson, const LearnOptions& options) {
  Settings settings(lesson.takes);
  for (const auto& [parameter, text] : options.parameters) {
    if (std::ranges::find(lesson.takes, parameter, &Taken::parameter) == lesson.takes.end()) {
      throw TextError(why_not(lesson, parameter));
    }
    try {
      settings.set(parameter, text);
    } catch (const TextError& error) {
      throw usage_error(std::string("--") + text_of(parameter).name, error.what());
    }
  }
  return settings;
}

// Somebody who looks at a terminal may want to guess first.
void wait_for_enter() {
  fmt::print("[Enter runs the experiment]");
  flush_output();
  for (int c = std::getchar(); c != '\n' && c != EOF; c = std::getchar()) {
  }
}

void print_outcome(const Outcome& outcome) {
  Outcome shown = outcome;
  if (const std::size_t window = window_columns(stdout); window > 0) {
    for (std::string& line : shown.ladder.lines) line = cut_to_width(line, window);
  }
  fmt::print("{}", outcome_text(shown, text_columns()));
}

// What it came to, and that as JSON where it is asked for.
struct LessonRun {
  int exit_code;
  nlohmann::ordered_json json;
};

LessonRun run_lesson(const Lesson& lesson, const Settings& settings, const LearnOptions& options) {
  const bool talks = !options.check && !options.json.replaces_text();
  if (talks) {
    fmt::print("{}", opening_text(lesson, text_columns()));
    if (!options.no_wait && is_terminal(stdin) && is_terminal(stdout)) wait_for_enter();
    fmt::print("\n");
    flush_output();
  }
  const Outcome outcome = lesson.run(settings);
  if (talks) print_outcome(outcome);
  LessonRun run{kHolds, {}};
  if (options.json.is_wanted()) run.json = lesson_json(lesson, settings, outcome);
  if (!options.check || outcome.holds()) return run;
  fmt::print(stderr, "{}lossy: see it with: lossy learn {}{}\n", failures_text(lesson, outcome),
             lesson.name, settings.arguments());
  run.exit_code = kDoesNotHold;
  return run;
}

int run_one(const Lesson& lesson, const Settings& settings, const LearnOptions& options) {
  JsonOutput output(options.json);
  const LessonRun run = run_lesson(lesson, settings, options);
  if (options.json.is_wanted()) output.write_last(run.json);
  return run.exit_code;
}

int run_all(const LearnOptions& options) {
  JsonOutput output(options.json);
  const std::vector<Lesson> lessons = all_lessons();
  int exit_code = kHolds;
  nlohmann::ordered_json json{{"command", "learn"}, {"lessons", nlohmann::ordered_json::array()}};
  for (const Lesson& lesson : lessons) {
    LessonRun run = run_lesson(lesson, Settings(lesson.takes), options);
    exit_code = std::max(exit_code, run.exit_code);
    if (options.json.is_wanted()) json["lessons"].push_back(std::move(run.json));
  }
  json["holds"] = exit_code == kHolds;
  if (options.json.is_wanted()) output.write_last(json);
  return exit_code;
}

int list(const LearnOptions& options) {
  JsonOutput output(options.json);
  const std::vector<Lesson> lessons = all_lessons();
  if (!options.json.replaces_text()) fmt::print("{}", lessons_text(lessons, list_columns()));
  if (options.json.is_wanted()) output.write_last(lessons_json(lessons));
  return kHolds;
}

}  // namespace

std::vector<std::string> lesson_names() {
  std::vector<std::string> names;
  for (const Lesson& lesson : all_lessons()) names.emplace_back(lesson.name);
  return names;
}

void add_learn_command(CLI::App& app, std::function<int()>& command) {
  auto options = std::make_shared<LearnOptions>();
  CLI::App* learn = app.add_subcommand(
      "learn", "Lessons that run: what a socket tutorial leaves out, shown by experiment.");
  learn->add_option("lesson", options->lesson, "which one, by number or name; else all are listed")
      ->type_name("LESSON");
  learn->add_flag("--check", options->check,
                  "print nothing; exit code 1 when what the lesson (or any of them) teaches is not "
                  "what happens");
  options->json.add_to(*learn, "print the numbers as one JSON object");
  learn->add_flag("--no-wait", options->no_wait, "do not wait for Enter, on a terminal either");
  for (const ParameterText& parameter : parameters()) {
    learn
        ->add_option_function<std::string>(
            std::string("--") + parameter.name,
            [options, which = parameter.parameter](const std::string& text) {
              options->parameters[which] = text;
            },
            parameter.description)
        ->type_name(parameter.type)
        ->group("Experiment (each lesson says which it takes)");
  }
  learn->footer(
      "Examples:\n"
      "  lossy learn\n"
      "  lossy learn vanish --drop=30%\n"
      "  lossy learn 8 --burst=20 --json\n"
      "  lossy learn --check");
  learn->callback([options, &command] {
    if (options->lesson.empty()) {
      if (!options->parameters.empty()) {
        const Parameter first = options->parameters.begin()->first;
        throw usage_error(std::string("--") + text_of(first).name,
                          "it is for one lesson, and none is named; lossy learn lists them");
      }
      command = [options] { return options->check ? run_all(*options) : list(*options); };
      return;
    }
    const Lesson lesson = find_lesson(options->lesson);
    auto settings = std::make_shared<Settings>(lesson.takes);
    try {
      *settings = settings_of(lesson, *options);
    } catch (const TextError& error) {
      throw CLI::ValidationError(error.what());
    }
    command = [options, settings, lesson] { return run_one(lesson, *settings, *options); };
  });
}

}  // namespace lossy
