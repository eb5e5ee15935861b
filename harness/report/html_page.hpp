// A report as one HTML file: style, script and data in it, nothing from any network.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace lossy {

// What is in the data cannot become markup or script, whatever it is: "<" and what else could end
// the element that holds it are escaped, bytes that are not UTF-8 replaced, and the page's policy
// lets its own script run and no other.
std::string html_page(const nlohmann::ordered_json& data);

}  // namespace lossy
