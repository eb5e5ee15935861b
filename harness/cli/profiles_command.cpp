#include "harness/cli/profiles_command.hpp"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "harness/cli/exit_code.hpp"
#include "harness/cli/option.hpp"
#include "harness/cli/profiles.hpp"
#include "harness/link/netem.hpp"
#include "harness/report/explain.hpp"
#include "harness/report/json_text.hpp"

namespace lossy {
namespace {

struct ProfilesOptions {
  std::string name;
  bool json = false;
};

constexpr std::size_t kIpv4HeaderBytes = 28;

WayExplanation explain(const Profile& profile, Direction direction) {
  return explain(direction, parse_netem(profile.line(direction), {}), kIpv4HeaderBytes);
}

int show_all(const ProfilesOptions& options) {
  if (options.json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const Profile& profile : profiles()) {
      list.push_back({{"name", profile.name},
                      {"description", profile.description},
                      {"source", profile.source},
                      {"uplink", profile.uplink},
                      {"downlink", profile.downlink}});
    }
    fmt::print("{}\n", json_text({{"command", "profiles"}, {"profiles", list}}));
    return kHolds;
  }
  for (const Profile& profile : profiles()) {
    fmt::print("{:<16} {}\n", profile.name, profile.description);
  }
  fmt::print("\nIn full: lossy profiles NAME. To use one: lossy simulate --profile=NAME\n");
  return kHolds;
}

int show_one(const Profile& profile, const ProfilesOptions& options) {
  const WayExplanation uplink = explain(profile, Direction::kUplink);
  const WayExplanation downlink = explain(profile, Direction::kDownlink);
  if (options.json) {
    nlohmann::ordered_json json{{"command", "profiles"},
                                {"name", profile.name},
                                {"description", profile.description},
                                {"source", profile.source}};
    json.update(explanation_json(uplink, downlink));
    fmt::print("{}\n", json_text(json));
    return kHolds;
  }
  fmt::print("{}: {}\nSource: {}\n\n{}", profile.name, profile.description, profile.source,
             explanation_text(uplink, downlink));
  return kHolds;
}

}  // namespace

void add_profiles_command(CLI::App& app, std::function<int()>& command) {
  auto options = std::make_shared<ProfilesOptions>();
  CLI::App* profiles_app =
      app.add_subcommand("profiles", "Show the networks that --profile knows by name.");
  profiles_app->add_option("name", options->name, "one of them, in full")->type_name("NAME");
  profiles_app->add_flag("--json", options->json, "print them as one JSON object");
  profiles_app->footer(
      "Examples:\n"
      "  lossy profiles\n"
      "  lossy profiles wifi-crowded");
  profiles_app->callback([options, profiles_app, &command] {
    if (profiles_app->count("name") == 0) {
      command = [options] { return show_all(*options); };
      return;
    }
    const Profile* profile = find_profile(options->name);
    if (profile == nullptr) {
      throw usage_error(
          "NAME", "there is no profile " + quote(options->name) + "; lossy profiles shows them");
    }
    command = [options, profile] { return show_one(*profile, *options); };
  });
}

}  // namespace lossy
