// Test results as the XML that CI systems read, in JUnit's form.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <lossy/core/clock.hpp>

namespace lossy {

struct JunitCase {
  enum class Result : std::uint8_t { kPassed, kFailed, kError };

  std::string name;
  Duration took{};
  Result result = Result::kPassed;
  // But for what passed: a word, a line, and all there is to say.
  std::string type{};
  std::string message{};
  std::string text{};
};

struct JunitSuite {
  std::string name;
  std::vector<JunitCase> cases{};
};

// A whole document. What the texts hold is shown and never obeyed, whatever it is.
std::string junit_xml(const std::vector<JunitSuite>& suites);

// Text for XML, in a value or between tags: valid UTF-8 stays as it is, line feeds too; what XML
// forbids becomes \xNN.
std::string xml_escaped(std::string_view text);

}  // namespace lossy
