#include <lossy/harness/cli/completion.hpp>

#include <fmt/format.h>

#include <memory>
#include <string_view>

#include <lossy/harness/cli/option_view.hpp>

namespace lossy {
namespace {

std::string joined(const std::vector<std::string>& words, const char* between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

// A sentence's first line, in single quotes.
std::string single_quoted(std::string text, const char* quote_within) {
  text = text.substr(0, text.find('\n'));
  for (std::size_t at = 0; (at = text.find('\'', at)) != std::string::npos;) {
    text.replace(at, 1, quote_within);
    at += std::string_view(quote_within).size();
  }
  return '\'' + text + '\'';
}

std::string escaped(const std::string& text, std::string_view what) {
  std::string result;
  for (const char c : text) {
    if (what.find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

// --- bash

constexpr const char* kBashBegin = R"(# bash completion for lossy, written by: lossy completion bash
_lossy() {
  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} option= command= words= files= i
  # Readline takes --name=value for three words.
  if [[ $current == = ]]; then
    option=$before current=
  elif [[ $before == = ]]; then
    option=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  for ((i = 1; i < COMP_CWORD; ++i)); do
    [[ ${COMP_WORDS[i]} == [-=]* || ${COMP_WORDS[i - 1]} == = ]] && continue
    command=${COMP_WORDS[i]}
    break
  done
  COMPREPLY=()
  case "$command $option" in
)";

constexpr const char* kBashEnd = R"(  esac
  if [[ $words ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  fi
  if [[ $files && ($option || $current != -*) ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current")
  fi
  if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]]; then
    compopt -o nospace 2>/dev/null
  fi
}
complete -F _lossy lossy
)";

// What can stand in one place: words, and files or not.
std::string bash_case(const std::string& place, const std::vector<std::string>& words, bool files) {
  if (words.empty() && !files) return {};
  return fmt::format("    '{}')\n      words='{}'{}\n      ;;\n", place, joined(words, " "),
                     files ? " files=yes" : "");
}

std::string bash_cases(const CLI::App& app, const std::string& command,
                       std::vector<std::string> words) {
  std::string cases;
  bool files = false;
  for (const OptionView& option : options_of(app)) {
    if (option.positional) {
      words.insert(words.end(), option.choices.begin(), option.choices.end());
      files = files || option.takes_file;
      continue;
    }
    if (option.type.empty() || option.value_is_optional) words.push_back(option.name);
    if (!option.type.empty()) words.push_back(option.name + '=');
    cases += bash_case(command + ' ' + option.name, option.choices, option.takes_file);
  }
  return bash_case(command + ' ', words, files) + cases;
}

std::string bash_script(const CLI::App& app) {
  std::vector<std::string> commands;
  std::string cases;
  for (const CLI::App* command : shown_commands(app)) {
    commands.push_back(command->get_name());
    cases += bash_cases(*command, command->get_name(), {});
  }
  return kBashBegin + bash_cases(app, "", commands) + cases + kBashEnd;
}

// --- zsh

std::string zsh_values(const OptionView& option) {
  if (!option.choices.empty()) {
    return escaped(option.type, ":") + ":(" + joined(option.choices, " ") + ')';
  }
  return escaped(option.type, ":") + (option.takes_file ? ":_files" : ": ");
}

std::string zsh_argument(const OptionView& option) {
  if (option.positional) return single_quoted("*:" + zsh_values(option), "'\\''");
  const char* const assignment = option.type.empty() ? "" : option.value_is_optional ? "=-" : "=";
  const std::string what =
      option.name + assignment + '[' + escaped(option.description, "[]\\:") + ']';
  const char* const before = option.value_is_optional ? "::" : ":";
  return single_quoted(option.type.empty() ? what : what + before + zsh_values(option), "'\\''");
}

std::string zsh_script(const CLI::App& app) {
  std::string commands;
  std::string cases;
  for (const CLI::App* command : shown_commands(app)) {
    commands +=
        "    " +
        single_quoted(command->get_name() + ':' + escaped(command->get_description(), ":\\"),
                      "'\\''") +
        '\n';
    cases += fmt::format("    {})\n      _arguments -S", command->get_name());
    for (const OptionView& option : options_of(*command)) {
      cases += " \\\n        " + zsh_argument(option);
    }
    cases += "\n      ;;\n";
  }
  std::string own;
  for (const OptionView& option : options_of(app)) own += ' ' + zsh_argument(option);
  return "#compdef lossy\n# zsh completion for lossy, written by: lossy completion zsh\n_lossy() "
         "{\n"
         "  local state line context curcontext=$curcontext\n"
         "  typeset -A opt_args\n  local -a commands\n  commands=(\n" +
         commands + "  )\n  _arguments -C" + own +
         " '1:command:->command' '*::argument:->argument' && return\n"
         "  if [[ $state == command ]]; then\n    _describe command commands\n    return\n  fi\n"
         "  case $words[1] in\n" +
         cases + "  esac\n}\n" +
         "if [[ $funcstack[1] == _lossy ]]; then\n  _lossy \"$@\"\nelse\n"
         "  compdef _lossy lossy\nfi\n";
}

// --- fish

std::string fish_option(const OptionView& option, const std::string& condition) {
  std::string line = "complete -c lossy -n " + single_quoted(condition, "\\'");
  if (!option.positional) {
    line += " -l " + option.name.substr(2);
    const bool needs_value = !option.type.empty() && !option.value_is_optional;
    if (needs_value) line += option.takes_file ? " -r -F" : " -x";
    line += " -d " + single_quoted(escaped(option.description, "\\"), "\\'");
  } else if (option.takes_file) {
    line += " -F";
  }
  if (!option.choices.empty()) line += " -a " + single_quoted(joined(option.choices, " "), "\\'");
  return line + '\n';
}

std::string fish_script(const CLI::App& app) {
  std::string script =
      "# fish completion for lossy, written by: lossy completion fish\n"
      "complete -c lossy -f\n";
  for (const OptionView& option : options_of(app)) {
    script += fish_option(option, "__fish_use_subcommand");
  }
  for (const CLI::App* command : shown_commands(app)) {
    script +=
        fmt::format("complete -c lossy -n __fish_use_subcommand -a {} -d {}\n", command->get_name(),
                    single_quoted(escaped(command->get_description(), "\\"), "\\'"));
    for (const OptionView& option : options_of(*command)) {
      if (option.positional && !option.takes_file && option.choices.empty()) continue;
      script += fish_option(option, "__fish_seen_subcommand_from " + command->get_name());
    }
  }
  return script;
}

}  // namespace

std::string completion_script(const CLI::App& app, const std::string& shell) {
  if (shell == "bash") return bash_script(app);
  return shell == "zsh" ? zsh_script(app) : fish_script(app);
}

void add_completion_commands(CLI::App& app, std::function<int()>& command) {
  auto shell = std::make_shared<std::string>();
  CLI::App* completion =
      app.add_subcommand("completion", "Print what teaches a shell to complete lossy commands.");
  completion->group("");
  completion->add_option("shell", *shell, "bash, zsh or fish")
      ->type_name("SHELL")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completion->callback([shell, &app, &command] {
    command = [shell, &app] {
      fmt::print("{}", completion_script(app, *shell));
      return 0;
    };
  });
  CLI::App* man = app.add_subcommand("man", "Print the manual page.");
  man->group("");
  man->callback([&app, &command] {
    command = [&app] {
      fmt::print("{}", manual_page(app, "lossy " LOSSY_VERSION));
      return 0;
    };
  });
}

}  // namespace lossy
