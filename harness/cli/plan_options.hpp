// The options that say what a run of a protocol is asked for: its settings and its calls.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lossy/core/protocol.hpp>

namespace lossy {

class PlanOptions {
 public:
  // Settings that are left out have an option of the command's own, or none. The application must
  // stay where it is until resolve(), the protocol for good.
  void add_to(CLI::App& app, const Protocol& protocol,
              std::initializer_list<std::string_view> left_out = {});
  // Works the plan out, and checks it; throws CLI::ValidationError.
  void resolve();
  // Takes this plan instead.
  void resolve(RunPlan plan);

  const Protocol& protocol() const { return *protocol_; }
  // After resolve(): what was asked for, without addresses; and whose they would be.
  const RunPlan& plan() const { return plan_; }
  const std::vector<HostRole>& hosts() const { return hosts_; }

 private:
  void add_setting(const Setting& setting);
  CLI::Option* add_calls(const CallKind& kind);
  // In the order in which they were typed; what a file says comes last, kind by kind.
  std::vector<Call> calls_in_order() const;

  const Protocol* protocol_ = nullptr;
  // Until resolve().
  CLI::App* app_ = nullptr;
  std::map<std::string, std::optional<std::int64_t>> settings_;
  std::deque<std::pair<std::string, bool>>
      flags_;                               // Settings that are flags, and whether they were given.
  std::vector<CLI::Option*> call_options_;  // By kind.
  std::deque<std::vector<std::string>> arguments_;  // By kind.
  RunPlan plan_;
  std::vector<HostRole> hosts_;
};

}  // namespace lossy
