// What `lossy inspect --fit` found: the path that would do the same, for people and for programs.
#pragma once

#include <array>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include <lossy/harness/capture/two_ends.hpp>
#include <lossy/harness/fit/path_fit.hpp>

namespace lossy {

struct FitReport {
  std::vector<std::string> captures;  // What it is fitted to.
  std::optional<EndsMatch> ends{};    // Of two captures, how they were joined.
  std::array<PathFit, 2> ways;        // Uplink and downlink.
  // The netem line of each; empty where nothing was sent.
  std::array<std::string, 2> lines;
  std::vector<std::string> written;  // Files that hold all of it.
};

// "9.12% ± 0.13%": two digits of the error, and as many decimals of the share.
std::string share_text(const Estimate& share);

std::string fit_text(const FitReport& report);
nlohmann::ordered_json fit_json(const FitReport& report);

}  // namespace lossy
