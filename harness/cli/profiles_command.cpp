#include <lossy/harness/cli/profiles_command.hpp>

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include <lossy/harness/cli/exit_code.hpp>
#include <lossy/harness/cli/json_output.hpp>
#include <lossy/harness/cli/option.hpp>
#include <lossy/harness/link/link_model.hpp>
#include <lossy/harness/link/netem.hpp>
#include <lossy/harness/link/profiles.hpp>
#include <lossy/harness/report/explain.hpp>

namespace lossy {
namespace {

struct ProfilesOptions {
  std::string name;
  JsonOption json;
};

WayExplanation explain(const Profile& profile, Direction direction) {
  return explain(direction, parse_netem(profile.line(direction), {}), kHeaderBytesV4);
}

int show_all(const ProfilesOptions& options) {
  JsonOutput output(options.json);
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Profile& profile : profiles()) {
    if (!options.json.replaces_text()) {
      fmt::print("{:<16} {}\n", profile.name, profile.description);
    }
    list.push_back({{"name", profile.name},
                    {"description", profile.description},
                    {"source", profile.source},
                    {"uplink", profile.uplink},
                    {"downlink", profile.downlink}});
  }
  if (!options.json.replaces_text()) {
    fmt::print("\nIn full: lossy profiles NAME. To use one: lossy simulate --profile=NAME\n");
  }
  if (options.json.is_wanted()) {
    output.write_last({{"command", "profiles"}, {"profiles", std::move(list)}});
  }
  return kHolds;
}

int show_one(const Profile& profile, const ProfilesOptions& options) {
  JsonOutput output(options.json);
  const WayExplanation uplink = explain(profile, Direction::kUplink);
  const WayExplanation downlink = explain(profile, Direction::kDownlink);
  if (!options.json.replaces_text()) {
    fmt::print("{}: {}\nSource: {}\n\n{}", profile.name, profile.description, profile.source,
               explanation_text(uplink, downlink));
  }
  if (options.json.is_wanted()) {
    nlohmann::ordered_json json{{"command", "profiles"},
                                {"name", profile.name},
                                {"description", profile.description},
                                {"source", profile.source}};
    json.update(explanation_json(uplink, downlink));
    output.write_last(json);
  }
  return kHolds;
}

}  // namespace

void add_profiles_command(CLI::App& app, std::function<int()>& command) {
  auto options = std::make_shared<ProfilesOptions>();
  CLI::App* profiles_app =
      app.add_subcommand("profiles", "Show the networks that --profile knows by name.");
  profiles_app->add_option("name", options->name, "one of them, in full")->type_name("NAME");
  options->json.add_to(*profiles_app, "print them as one JSON object");
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
