#include <lossy/harness/learn/lesson_text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include <lossy/core/counted.hpp>
#include <lossy/harness/report/line_style.hpp>

namespace lossy {
namespace {

// A paragraph in lines of at most `columns`, each but the first behind `indent`. The first one
// begins in column `column`.
std::string wrapped(const std::string& text, std::size_t columns, const std::string& indent = {},
                    std::size_t column = 0) {
  std::string wrapped;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    const std::size_t width = display_width(word);
    if (column > 0 && column + 1 + width > columns) {
      wrapped += '\n' + indent;
      column = indent.size();
    } else if (column > 0) {
      wrapped += ' ';
      ++column;
    }
    wrapped += word;
    column += width;
    at = end + 1;
  }
  return wrapped + '\n';
}

// How far the two may be apart, and whether they are farther.
std::string verdict_text(const Figure& figure) {
  const std::string tolerance = shown(figure.tolerance, figure.unit);
  return (tolerance == shown(0, figure.unit) ? "" : "  ± " + tolerance) +
         (figure.holds() ? "" : "  FAR OFF");
}

// A table; where that is too wide, two lines a figure.
std::string figures_text(const std::vector<Figure>& figures, std::size_t columns) {
  std::size_t widest = 0;
  for (const Figure& figure : figures) widest = std::max(widest, figure.what.size());
  std::string table = fmt::format("  {:<{}}  {:>12}  {:>12}\n", "", widest, "measured", "theory");
  std::string list;
  bool fits = true;
  for (const Figure& figure : figures) {
    const std::string measured = shown(figure.measured, figure.unit);
    const std::string theory = shown(figure.theory, figure.unit);
    const std::string line = fmt::format("  {:<{}}  {:>12}  {:>12}{}", figure.what, widest,
                                         measured, theory, verdict_text(figure));
    fits = fits && display_width(line) <= columns;
    table += line + '\n';
    list += wrapped("  " + figure.what, columns, "  ");
    list +=
        fmt::format("    measured {}\n    theory   {}{}\n", measured, theory, verdict_text(figure));
  }
  return fits ? table : list;
}

}  // namespace

std::string lessons_text(std::span<const Lesson> lessons, std::size_t columns) {
  std::vector<std::string> groups;
  for (const Lesson& lesson : lessons) {
    if (std::find(groups.begin(), groups.end(), lesson.group) == groups.end()) {
      groups.emplace_back(lesson.group);
    }
  }
  std::string text;
  for (const std::string& group : groups) {
    text += group + '\n';
    for (const Lesson& lesson : lessons) {
      if (group != lesson.group) continue;
      const std::string name = fmt::format("  {:>2}  {:<9}", lesson.number, lesson.name);
      text += name + wrapped(lesson.title, columns, std::string(name.size() + 1, ' '), name.size());
    }
  }
  return text + '\n' +
         wrapped("To run one, by number or name: lossy learn 1, lossy learn vanish", columns);
}

nlohmann::ordered_json lessons_json(std::span<const Lesson> lessons) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Lesson& lesson : lessons) {
    nlohmann::ordered_json takes = nlohmann::ordered_json::object();
    for (const Taken& taken : lesson.takes) takes[text_of(taken.parameter).name] = taken.standard;
    list.push_back({{"lesson", lesson.number},
                    {"name", lesson.name},
                    {"title", lesson.title},
                    {"group", lesson.group},
                    {"takes", takes}});
  }
  return {{"command", "learn"}, {"lessons", std::move(list)}};
}

std::string opening_text(const Lesson& lesson, std::size_t columns) {
  return fmt::format("{}\n{}\n{}",
                     wrapped(fmt::format("Lesson {}: {}", lesson.number, lesson.title), columns),
                     wrapped(lesson.left_out, columns),
                     wrapped("First guess: " + std::string(lesson.question), columns));
}

std::string outcome_text(const Outcome& outcome, std::size_t columns) {
  std::string text = wrapped("The experiment: " + outcome.experiment, columns) + '\n';
  for (const std::string& line : outcome.ladder.lines) text += line + '\n';
  if (outcome.ladder.more > 0) {
    text += "  ... and " + counted(outcome.ladder.more, "line") + " more\n";
  }
  text += "\nWhat happened\n" + figures_text(outcome.figures, columns) + '\n';
  for (const Claim& claim : outcome.claims) {
    text += wrapped((claim.holds ? "  + " : "  - ") + claim.text, columns, "    ");
  }
  if (!outcome.holds()) {
    text += '\n' + wrapped(
                       "This is not what the lesson teaches: with these settings it does not "
                       "show (-), or a number is far from what theory says.",
                       columns);
  }
  text += "\nWhy\n";
  for (const std::string& paragraph : outcome.why) text += wrapped(paragraph, columns) + '\n';
  return text + "Play on: " + outcome.play + '\n';
}

nlohmann::ordered_json lesson_json(const Lesson& lesson, const Settings& settings,
                                   const Outcome& outcome) {
  nlohmann::ordered_json json{{"command", "learn"},
                              {"lesson", lesson.number},
                              {"name", lesson.name},
                              {"title", lesson.title},
                              {"left_out", lesson.left_out},
                              {"question", lesson.question},
                              {"settings", nlohmann::ordered_json::object()},
                              {"experiment", outcome.experiment},
                              {"ladder", outcome.ladder.lines},
                              {"ladder_lines_more", outcome.ladder.more}};
  for (const Taken& taken : settings.taken()) {
    json["settings"][text_of(taken.parameter).name] = settings.text(taken.parameter);
  }
  static constexpr const char* kUnits[] = {"share", "count", "mean", "ms",
                                           "bytes"};  // By FigureUnit.
  json["figures"] = nlohmann::ordered_json::array();
  for (const Figure& figure : outcome.figures) {
    json["figures"].push_back({{"name", figure.name},
                               {"what", figure.what},
                               {"unit", kUnits[static_cast<std::size_t>(figure.unit)]},
                               {"measured", figure.measured},
                               {"theory", figure.theory},
                               {"tolerance", figure.tolerance},
                               {"holds", figure.holds()}});
  }
  json["claims"] = nlohmann::ordered_json::array();
  for (const Claim& claim : outcome.claims) {
    json["claims"].push_back({{"text", claim.text}, {"holds", claim.holds}});
  }
  json["why"] = outcome.why;
  json["play"] = outcome.play;
  json["holds"] = outcome.holds();
  return json;
}

std::string failures_text(const Lesson& lesson, const Outcome& outcome) {
  std::string text;
  for (const Figure& figure : outcome.figures) {
    if (figure.holds()) continue;
    text += fmt::format("lesson {} ({}): {}: measured {}, theory {} ± {}\n", lesson.number,
                        lesson.name, figure.what, shown(figure.measured, figure.unit),
                        shown(figure.theory, figure.unit), shown(figure.tolerance, figure.unit));
  }
  for (const Claim& claim : outcome.claims) {
    if (claim.holds) continue;
    text += fmt::format("lesson {} ({}): not what it teaches: {}\n", lesson.number, lesson.name,
                        claim.text);
  }
  return text;
}

}  // namespace lossy
