#include <lossy/harness/cli/record_option.hpp>

#include <algorithm>

namespace lossy {
namespace {

std::string names_of(const std::vector<RecordAs>& forms, std::string_view between) {
  std::string names;
  for (const RecordAs form : forms) {
    if (!names.empty()) names += between;
    names += to_string(form);
  }
  return names;
}

}  // namespace

CLI::Option* add_record_as(CLI::App& app, std::optional<RecordAs>& as,
                           const std::vector<RecordAs>& forms, const std::string& description) {
  return add_parsed(
      app, "--record-as", as,
      [forms](std::string_view word) {
        const auto form = parse_record_as(word);
        if (!form || std::ranges::find(forms, *form) == forms.end()) {
          throw TextError("it is one of " + names_of(forms, ", "));
        }
        return form;
      },
      description, names_of(forms, "|"));
}

void RecordOption::add_to(CLI::App& app, const std::string& what, const std::string& group) {
  add_path(app, "--record", file, what, "FILE.pcap|FILE.pcapng")->group(group);
  add_record_as(app, asked_for, {kAllRecordAs.begin(), kAllRecordAs.end()},
                "the link type of that: sll and ethernet open in more tools and say as much, raw "
                "is what the server's host sees [sll2]")
      ->group(group);
}

RecordingOptions RecordOption::writing(const CommandLine& again, const std::string& name) const {
  return {
      .as = as(),
      .comment =
          "lossy " + name +
          again.without("--record").without("--record-as").without("--secrets").options_text(name)};
}

void RecordOption::check() const {
  if (file.empty() && asked_for) {
    throw usage_error("--record-as", "it says how a recording is written; --record=FILE makes one");
  }
}

}  // namespace lossy
