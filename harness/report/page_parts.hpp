// The page of a report around its data, put together from page/ when lossy is built.
#pragma once

#include <string_view>

namespace lossy {

extern const std::string_view kPageBefore;
extern const std::string_view kPageAfter;

}  // namespace lossy
