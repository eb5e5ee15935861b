#include <lossy/harness/cli/help_format.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include <lossy/harness/cli/option_view.hpp>

namespace lossy {
namespace {

constexpr std::size_t kDescriptionColumn = 30;  // Before the descriptions.

std::string entry(const std::string& what, const std::string& description) {
  const std::string next_line = '\n' + std::string(kDescriptionColumn, ' ');
  std::string text = fmt::format("  {:<{}}", what, kDescriptionColumn - 2);
  if (text.size() > kDescriptionColumn || text.back() != ' ') text = "  " + what + next_line;
  for (const char c : description) text += c == '\n' ? next_line : std::string(1, c);
  return text + '\n';
}

// The groups of things, in the order in which each first comes, without those that are not shown.
template <typename Things>
std::vector<std::string> groups_of(const Things& things) {
  std::vector<std::string> groups;
  for (const auto* thing : things) {
    const std::string group = thing->get_group();
    if (!group.empty() && std::ranges::find(groups, group) == groups.end()) groups.push_back(group);
  }
  return groups;
}

}  // namespace

std::string HelpFormat::make_help(const CLI::App* app, std::string name,
                                  CLI::AppFormatMode /*mode*/) const {
  const auto positionals =
      app->get_options([](const CLI::Option* option) { return option->get_positional(); });
  const auto options =
      app->get_options([](const CLI::Option* option) { return option->nonpositional(); });
  const auto commands = shown_commands(*app);

  std::string text = app->get_description() + "\nUsage: " + name + " [OPTIONS]";
  for (const CLI::Option* positional : positionals) text += ' ' + make_option_usage(positional);
  text += commands.empty() ? "\n" : " COMMAND\n";

  const auto add_options = [&](const std::string& title, const auto& shown) {
    text += '\n' + title + ":\n";
    for (const CLI::Option* option : shown) {
      text += entry(make_option_name(option, option->get_positional()) + make_option_opts(option),
                    make_option_desc(option));
    }
  };
  if (!positionals.empty()) add_options("Positionals", positionals);
  for (const std::string& group : groups_of(options)) {
    auto shown = options;
    std::erase_if(shown, [&](const CLI::Option* option) { return option->get_group() != group; });
    add_options(group, shown);
  }
  for (const std::string& group : groups_of(commands)) {
    text += '\n' + group + ":\n";
    for (const CLI::App* command : commands) {
      if (command->get_group() == group) {
        text += entry(command->get_name(), command->get_description());
      }
    }
  }
  const std::string footer = app->get_footer();
  return text + (footer.empty() ? "" : '\n' + footer + '\n');
}

}  // namespace lossy
