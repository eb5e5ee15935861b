#include <lossy/harness/cli/option_view.hpp>

#include <lossy/harness/cli/learn_command.hpp>
#include <lossy/harness/cli/protocols.hpp>
#include <lossy/harness/link/profiles.hpp>

namespace lossy {
namespace {

std::vector<std::string> choices_of(const CLI::App& app, const std::string& name) {
  std::vector<std::string> words;
  if (name == "LESSON") return lesson_names();
  if (name == "--distribution" || name == "--uplink-distribution" ||
      name == "--downlink-distribution") {
    return {"uniform", "normal", "pareto", "paretonormal"};
  }
  if (name == "--protocol" || (name == "NAME" && app.get_name() == "protocols")) {
    for (const Protocol* protocol : protocols()) words.push_back(protocol->name);
  } else if (name == "--profile" || name == "NAME") {
    for (const Profile& profile : profiles()) words.emplace_back(profile.name);
  }
  return words;
}

}  // namespace

std::vector<OptionView> options_of(const CLI::App& app) {
  std::vector<OptionView> views;
  for (const CLI::Option* option : app.get_options()) {
    OptionView view{.name = {},
                    .type = {},
                    .description = option->get_description(),
                    .group = option->get_group(),
                    .positional = !option->nonpositional(),
                    .choices = {}};
    if (view.group.empty()) continue;
    const bool flag = option->get_type_size_max() == 0;
    if (!flag) view.type = option->get_type_name();
    if (view.type.starts_with("[=")) {
      view.type = view.type.substr(2, view.type.size() - 3);
      view.value_is_optional = true;
    }
    view.name = view.positional ? view.type : "--" + option->get_lnames().front();
    view.takes_file = view.type.find("FILE") != std::string::npos ||
                      view.type.find("FOLDER") != std::string::npos;
    view.choices = choices_of(app, view.name);
    views.push_back(std::move(view));
  }
  return views;
}

std::vector<const CLI::App*> shown_commands(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* command) { return !command->get_group().empty(); });
}

}  // namespace lossy
