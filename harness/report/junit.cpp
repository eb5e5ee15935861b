#include <lossy/harness/report/junit.hpp>

#include <fmt/format.h>

#include <algorithm>

#include <lossy/core/escape.hpp>

namespace lossy {
namespace {

std::string seconds(Duration duration) {
  const Duration::rep us = std::max<Duration::rep>(duration.count(), 0) / 1000;
  return fmt::format("{}.{:06}", us / 1'000'000, us % 1'000'000);
}

struct Counts {
  std::size_t tests = 0;
  std::size_t failures = 0;
  std::size_t errors = 0;
  Duration took{};

  void add(const JunitCase& one) {
    ++tests;
    failures += one.result == JunitCase::Result::kFailed ? 1 : 0;
    errors += one.result == JunitCase::Result::kError ? 1 : 0;
    took += one.took;
  }
  std::string attributes() const {
    return fmt::format(R"(tests="{}" failures="{}" errors="{}" time="{}")", tests, failures, errors,
                       seconds(took));
  }
};

std::string case_xml(const JunitSuite& suite, const JunitCase& one) {
  std::string xml = fmt::format(R"(    <testcase classname="{}" name="{}" time="{}")",
                                xml_escaped(suite.name), xml_escaped(one.name), seconds(one.took));
  if (one.result == JunitCase::Result::kPassed) return xml + "/>\n";
  const char* const tag = one.result == JunitCase::Result::kFailed ? "failure" : "error";
  return xml +
         fmt::format(">\n      <{0} type=\"{1}\" message=\"{2}\">{3}</{0}>\n    </testcase>\n", tag,
                     xml_escaped(one.type), xml_escaped(one.message), xml_escaped(one.text));
}

}  // namespace

std::string junit_xml(const std::vector<JunitSuite>& suites) {
  Counts all;
  std::string body;
  for (const JunitSuite& suite : suites) {
    Counts counts;
    std::string cases;
    for (const JunitCase& one : suite.cases) {
      counts.add(one);
      all.add(one);
      cases += case_xml(suite, one);
    }
    body += fmt::format("  <testsuite name=\"{}\" {}>\n{}  </testsuite>\n", xml_escaped(suite.name),
                        counts.attributes(), cases);
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {}>\n{}</testsuites>\n",
      all.attributes(), body);
}

std::string xml_escaped(std::string_view text) {
  std::string xml;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    // Valid UTF-8 without control characters.
    const std::string safe = escape_controls(line);
    for (std::size_t i = 0; i < safe.size(); ++i) {
      const std::string_view rest = std::string_view(safe).substr(i);
      if (rest.starts_with("\xEF\xBF\xBE") || rest.starts_with("\xEF\xBF\xBF")) {
        // U+FFFE and U+FFFF are no characters of XML's.
        xml += fmt::format("\\xef\\xbf\\x{:x}", static_cast<unsigned char>(rest[2]));
        i += 2;
      } else if (safe[i] == '&') {
        xml += "&amp;";
      } else if (safe[i] == '<') {
        xml += "&lt;";
      } else if (safe[i] == '>') {
        xml += "&gt;";
      } else if (safe[i] == '"') {
        xml += "&quot;";
      } else {
        xml += safe[i];
      }
    }
    text.remove_prefix(line.size());
    if (text.empty()) break;
    xml += '\n';
    text.remove_prefix(1);
  }
  return xml;
}

}  // namespace lossy
