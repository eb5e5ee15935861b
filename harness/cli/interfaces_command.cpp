#include <lossy/harness/cli/interfaces_command.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include <lossy/core/escape.hpp>
#include <lossy/harness/capture/live_interfaces.hpp>
#include <lossy/harness/cli/exit_code.hpp>
#include <lossy/harness/cli/json_output.hpp>

namespace lossy {
namespace {

std::string state_of(const LiveInterface& interface) {
  if (interface.name == kAnyInterface) return "all of them at once";
  std::string state = !interface.up ? "switched off" : interface.running ? "running" : "up";
  if (interface.loopback) state += ", loopback";
  if (interface.wireless) state += ", wireless";
  if (!interface.description.empty()) state += ": " + escape_controls(interface.description);
  return state;
}

nlohmann::ordered_json json_of(const std::vector<LiveInterface>& interfaces) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const LiveInterface& one : interfaces) {
    list.push_back({{"name", one.name},
                    {"addresses", one.addresses},
                    {"up", one.up},
                    {"running", one.running},
                    {"loopback", one.loopback},
                    {"wireless", one.wireless},
                    {"description", one.description},
                    {"timestamps", one.timestamps}});
  }
  return {{"command", "interfaces"}, {"interfaces", std::move(list)}};
}

void print_text(const std::vector<LiveInterface>& interfaces) {
  std::size_t widest = 0;
  for (const LiveInterface& one : interfaces) widest = std::max(widest, one.name.size());
  for (const LiveInterface& one : interfaces) {
    fmt::print("{:<{}}  {}\n", escape_controls(one.name), widest, state_of(one));
    for (const std::string& address : one.addresses) {
      fmt::print("{:<{}}  {}\n", "", widest, address);
    }
  }
}

}  // namespace

void add_interfaces_command(CLI::App& app, std::function<int()>& command) {
  auto json = std::make_shared<JsonOption>();
  CLI::App* interfaces =
      app.add_subcommand("interfaces", "List what `lossy record` can capture on.");
  json->add_to(*interfaces,
               "print them, with the kinds of timestamps they have, as one JSON object");
  interfaces->footer(
      "Examples:\n"
      "  lossy interfaces\n"
      "  lossy record --interface=lo --write=seen.pcap");
  interfaces->callback([json, &command] {
    command = [json] {
      JsonOutput output(*json);
      const std::vector<LiveInterface> found = live_interfaces();
      if (!json->replaces_text()) print_text(found);
      if (json->is_wanted()) output.write_last(json_of(found));
      return kHolds;
    };
  });
}

}  // namespace lossy
