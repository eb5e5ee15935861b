#include <fmt/format.h>

#include <algorithm>

#include <lossy/harness/cli/completion.hpp>
#include <lossy/harness/cli/option_view.hpp>

namespace lossy {
namespace {

// Text that roff takes for nothing else. Words keep to their lines where `keeps_lines`.
std::string plain(const std::string& text) {
  std::string result;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) result += "\\&";
    line_begins = c == '\n';
    switch (c) {
      case '\\':
        result += "\\e";
        break;
      case '-':
        result += "\\-";
        break;
      case '\'':
        result += "\\(aq";
        break;
      case '`':
        result += "\\(ga";
        break;
      case '^':
        result += "\\(ha";
        break;
      case '~':
        result += "\\(ti";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string example(const std::string& text) {
  return text.empty() ? std::string() : ".PP\n.nf\n" + plain(text) + "\n.fi\n";
}

std::string heading(const char* macro, std::string text) {
  return fmt::format(".{} \"{}\"\n", macro, plain(std::move(text)));
}

std::string option_entry(const OptionView& option) {
  std::string value;
  if (!option.type.empty() && !option.positional) {
    value = "=\\fI" + plain(option.type) + "\\fR";
    if (option.value_is_optional) value = '[' + value + ']';
  }
  return ".TP\n\\fB" + plain(option.positional ? option.type : option.name) + "\\fR" + value +
         '\n' + plain(option.description) + '\n';
}

std::string options_text(const CLI::App& app) {
  std::vector<std::string> groups;
  const std::vector<OptionView> options = options_of(app);
  for (const OptionView& option : options) {
    if (std::ranges::find(groups, option.group) == groups.end()) groups.push_back(option.group);
  }
  std::string text;
  for (const std::string& group : groups) {
    text += ".PP\n" + plain(group) + ":\n";
    for (const OptionView& option : options) {
      if (option.group == group) text += option_entry(option);
    }
  }
  return text;
}

std::string commands_text(const CLI::App& app) {
  std::string text;
  std::string group;
  for (const CLI::App* command : shown_commands(app)) {
    if (command->get_group() != group) text += heading("SH", group = command->get_group());
    text += heading("SS", "lossy " + command->get_name()) + plain(command->get_description()) +
            '\n' + options_text(*command) + example(command->get_footer());
  }
  return text;
}

constexpr const char* kExitStatus = R"(.TP
0
It holds.
.TP
1
It does not: a capture differs, a lesson's \fB\-\-check\fR fails, \fBlossy greet\fR gave up on a name.
.TP
2
It could not be tried, and one line says why.
)";

}  // namespace

std::string manual_page(const CLI::App& app, const std::string& version) {
  return ".TH LOSSY 1 \"\" \"" + version + "\" \"User Commands\"\n" + heading("SH", "NAME") +
         "lossy \\- show what a UDP protocol does when the network misbehaves\n" +
         heading("SH", "SYNOPSIS") + "\\fBlossy\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n" +
         heading("SH", "DESCRIPTION") +
         "One link model, one seed, one result: the same command gives the same bytes on every "
         "machine.\nPercentages are 10% or 0.1, times 20ms, rates 1mbit, addresses "
         "127.0.0.1:9999 or [::1]:9999.\n" +
         options_text(app) + commands_text(app) + heading("SH", "EXIT STATUS") + kExitStatus +
         heading("SH", "SEE ALSO") + ".BR tc\\-netem (8),\n.BR tcpdump (8)\n";
}

}  // namespace lossy
