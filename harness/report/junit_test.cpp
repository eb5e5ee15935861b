#include <lossy/harness/report/junit.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lossy {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// Every case is counted in its suite and in all, with its time to the microsecond.
TEST(Junit, Document) {
  const std::vector<JunitSuite> suites = {{"a.pcap",
                                           {{.name = "flow 1", .took = 1500us},
                                            {.name = "flow 2",
                                             .took = 2s,
                                             .result = JunitCase::Result::kFailed,
                                             .type = "different",
                                             .message = "1 of 2",
                                             .text = "expected <a>\n"}}},
                                          {"b.pcap",
                                           {{.name = "all of it",
                                             .result = JunitCase::Result::kError,
                                             .type = "not_tried",
                                             .message = "is empty"}}}};
  EXPECT_EQ(junit_xml(suites), R"(<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="3" failures="1" errors="1" time="2.001500">
  <testsuite name="a.pcap" tests="2" failures="1" errors="0" time="2.001500">
    <testcase classname="a.pcap" name="flow 1" time="0.001500"/>
    <testcase classname="a.pcap" name="flow 2" time="2.000000">
      <failure type="different" message="1 of 2">expected &lt;a&gt;
</failure>
    </testcase>
  </testsuite>
  <testsuite name="b.pcap" tests="1" failures="0" errors="1" time="0.000000">
    <testcase classname="b.pcap" name="all of it" time="0.000000">
      <error type="not_tried" message="is empty"></error>
    </testcase>
  </testsuite>
</testsuites>
)");
}

// No text can end a value or a tag, or make the document one that no parser takes.
TEST(Junit, HostileText) {
  EXPECT_EQ(xml_escaped("a&b<c>d\"e'f]]>"), "a&amp;b&lt;c&gt;d&quot;e'f]]&gt;");
  EXPECT_EQ(xml_escaped("one\ntwo\n\n"), "one\ntwo\n\n");
  EXPECT_EQ(xml_escaped(std::string_view("\0\x01\x1b[31m\x7f\r\t", 10)),
            "\\x00\\x01\\x1b[31m\\x7f\\r\\t");
  EXPECT_EQ(xml_escaped("\xff\xc3\x28"), "\\xff\\xc3(");
  EXPECT_EQ(xml_escaped("Zo\xc3\xab \xe6\x9d\x8e"), "Zo\xc3\xab \xe6\x9d\x8e");
  EXPECT_EQ(xml_escaped("\xEF\xBF\xBE\xEF\xBF\xBF\xEF\xBF\xBD"),
            "\\xef\\xbf\\xbe\\xef\\xbf\\xbf\xEF\xBF\xBD");
  EXPECT_EQ(xml_escaped("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // A surrogate is none of UTF-8's.
  EXPECT_EQ(xml_escaped(""), "");
}

}  // namespace
}  // namespace lossy
