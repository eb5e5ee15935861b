// What a page says of a path, and of a run as a whole.
#pragma once

#include <string>

#include <lossy/harness/cli/path_options.hpp>
#include <lossy/harness/report/page_run.hpp>

namespace lossy {

PagePath page_path(const PathOptions& path);
PageHead page_head(const RunReport& report);
PageHead page_head(const std::string& command, const std::string& reproduce);

}  // namespace lossy
