#include <lossy/harness/report/html_page.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace lossy {
namespace {

constexpr std::string_view kBegin = "<script type=\"application/json\" id=\"data\">";

std::string data_in(const std::string& page) {
  const std::size_t begin = page.find(kBegin) + kBegin.size();
  return page.substr(begin, page.find("</script>", begin) - begin);
}

// A stranger's text stays data: it ends no element, begins none, and comes out as it went in.
TEST(HtmlPage, NothingInTheDataIsMarkup) {
  const std::string hostile =
      "</script><script>alert(1)</script><!-- & \"'\\ \x1b[2J \xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xae";
  const std::string data = data_in(html_page({{"name", hostile}}));
  EXPECT_EQ(data.find_first_of("<>&"), std::string::npos);
  EXPECT_TRUE(std::ranges::all_of(data, [](char c) { return c >= 0x20 && c < 0x7f; })) << data;
  EXPECT_EQ(nlohmann::json::parse(data)["name"], hostile);
}

// What is not UTF-8 is replaced: a page never fails for what a capture is called.
TEST(HtmlPage, BytesThatAreNoTextAreReplaced) {
  const std::string data = data_in(html_page({{"name", "a\xff\xc0z"}}));
  EXPECT_EQ(nlohmann::json::parse(data)["name"], "a\xef\xbf\xbd\xef\xbf\xbdz");
}

// One file: nothing in it is fetched, and nothing but its own script may run.
TEST(HtmlPage, AsksForNothingElse) {
  const std::string page = html_page(nlohmann::ordered_json::object());
  EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
  EXPECT_NE(page.find("script-src 'sha256-"), std::string::npos);
  EXPECT_EQ(page.find("unsafe"), std::string::npos);
  for (const char* fetched : {" src=", "<link", "@import", "url("}) {
    EXPECT_EQ(page.find(fetched), std::string::npos) << fetched;
  }
  EXPECT_EQ(page.find("@data@"), std::string::npos);
  EXPECT_TRUE(page.ends_with("</html>\n"));
}

}  // namespace
}  // namespace lossy
