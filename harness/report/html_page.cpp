#include <lossy/harness/report/html_page.hpp>

#include <nlohmann/json.hpp>
#include <string_view>

#include <lossy/harness/report/json_text.hpp>
#include <lossy/harness/report/page_parts.hpp>

namespace lossy {

std::string html_page(const nlohmann::ordered_json& data) {
  // All that is not ASCII is escaped, too: JavaScript's line ends, and whatever an editor would
  // obey.
  const std::string json = json_ascii_text(data);
  std::string page(kPageBefore);
  page.reserve(kPageBefore.size() + json.size() + kPageAfter.size());
  for (const char c : json) {
    if (c == '<') {
      page += "\\u003c";
    } else if (c == '>') {
      page += "\\u003e";
    } else if (c == '&') {
      page += "\\u0026";
    } else {
      page += c;
    }
  }
  return page += kPageAfter;
}

}  // namespace lossy
