# Puts the page of a report together and writes it down as C++:
#   cmake -DPAGE=.../page -DD3=.../d3.min.js -DOUT=page_parts.cpp -P pages.cmake
# The data goes between the two halves when a report is written. The page's policy names its style
# and its script by their SHA-256, so that nothing else is ever applied or run.

include(${PAGE}/policy.cmake)

# The bytes of a file as the text of a C++ array.
function(cpp_array file name result)
  file(READ "${file}" hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "((0x..,){20})" "\\1\n" bytes "${bytes}")
  set(${result} "constexpr unsigned char ${name}[] = {\n${bytes}};\n" PARENT_SCOPE)
endfunction()

file(READ "${PAGE}/report.html" page)
file(READ "${PAGE}/style.css" style)
file(READ "${D3}" script)
foreach(module data tables ladder charts report)
  file(READ "${PAGE}/${module}.js" text)
  string(APPEND script "\n${text}")
endforeach()
policy_hash("${style}" style_hash)
policy_hash("${script}" script_hash)
foreach(part style_hash script_hash style script)  # The script last: nothing in it is a placeholder.
  string(REPLACE "@${part}@" "${${part}}" page "${page}")
endforeach()

string(FIND "${page}" "@data@" at)
string(SUBSTRING "${page}" 0 ${at} before)
math(EXPR at "${at} + 6")
string(SUBSTRING "${page}" ${at} -1 after)
file(WRITE "${OUT}.before" "${before}")
file(WRITE "${OUT}.after" "${after}")
cpp_array("${OUT}.before" kBefore before)
cpp_array("${OUT}.after" kAfter after)
file(WRITE "${OUT}" "#include <lossy/harness/report/page_parts.hpp>

namespace lossy {
namespace {

${before}${after}
std::string_view text_of(const unsigned char* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace

const std::string_view kPageBefore = text_of(kBefore, sizeof kBefore);
const std::string_view kPageAfter = text_of(kAfter, sizeof kAfter);

}  // namespace lossy
")
