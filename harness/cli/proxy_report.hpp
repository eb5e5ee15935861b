// What a proxy came to, so far or in the end: a screen, a JSON object, or a line.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lossy/core/address.hpp>
#include <lossy/harness/net/proxy.hpp>

namespace lossy {

struct ProxyReport {
  ListenAddress listen = Address();
  Address to;
  std::optional<std::uint64_t> seed;  // Nothing when the directions have two, or nothing is random.
  Duration time{};                    // Since the start.
  bool final = false;                 // Nothing more comes.
  std::string_view stopped_by{};      // The signal that asked for the end, if one did.
  ProxyCounters counters;
  std::size_t memory_bytes_max = 0;
  // Sentences about settings that had no effect so far, and the like.
  std::vector<std::string> notes{};
  std::string reproduce;  // The command that gives the same path again.
};

std::string proxy_text(const ProxyReport& report);
nlohmann::ordered_json proxy_json(const ProxyReport& report);

// For a terminal, in one line: the rates since what was counted `before`, and losses in all.
std::string proxy_live_text(const ProxyCounters& before, const ProxyCounters& now,
                            Duration between);

}  // namespace lossy
