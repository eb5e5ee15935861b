// A lesson as people read it, and as a JSON object with stable names.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>

#include <lossy/harness/learn/lesson.hpp>

namespace lossy {

// A line for each lesson, in its group; more where it has more than `columns`. And how to run one.
std::string lessons_text(std::span<const Lesson> lessons, std::size_t columns);
nlohmann::ordered_json lessons_json(std::span<const Lesson> lessons);

// What comes before the experiment: title, what a tutorial leaves out, the question. Paragraphs
// have lines of at most `columns`, and so have the tables of numbers, if they can.
std::string opening_text(const Lesson& lesson, std::size_t columns);
// What comes with it.
std::string outcome_text(const Outcome& outcome, std::size_t columns);

nlohmann::ordered_json lesson_json(const Lesson& lesson, const Settings& settings,
                                   const Outcome& outcome);

// What did not happen as it is taught, a line each; nothing where all did.
std::string failures_text(const Lesson& lesson, const Outcome& outcome);

}  // namespace lossy
