#include <lossy/harness/cli/protocols_command.hpp>

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include <lossy/harness/cli/exit_code.hpp>
#include <lossy/harness/cli/json_output.hpp>
#include <lossy/harness/cli/option.hpp>
#include <lossy/harness/cli/protocols.hpp>

namespace lossy {
namespace {

struct ProtocolsOptions {
  std::string name;
  JsonOption json;
};

std::string_view to_string(Property::When when) {
  switch (when) {
    case Property::When::kAlways:
      return "always";
    case Property::When::kAtRest:
      return "at_rest";
    case Property::When::kEventually:
      return "eventually";
    case Property::When::kSometimes:
      break;
  }
  return "sometimes";
}

// As it is typed.
std::string option_of(const CallKind& kind) {
  return kind.is_positional ? kind.argument : "--" + kind.name + '=' + kind.argument;
}

std::string option_of(const Setting& setting) {
  const std::string name = "--" + setting.name;
  if (setting.kind == Setting::Kind::kFlag) return name;
  return name + (setting.kind == Setting::Kind::kTime ? "=TIME" : "=N");
}

nlohmann::ordered_json json_of(const Protocol& protocol) {
  nlohmann::ordered_json json{{"name", protocol.name}, {"sentence", protocol.sentence}};
  auto& options = json["options"] = nlohmann::ordered_json::array();
  for (const CallKind& kind : protocol.call_kinds) {
    options.push_back({{"option", option_of(kind)}, {"sentence", kind.sentence}});
  }
  for (const Setting& setting : protocol.settings) {
    options.push_back({{"option", option_of(setting)}, {"sentence", setting.sentence}});
  }
  auto& properties = json["properties"] = nlohmann::ordered_json::array();
  for (const Property& property : protocol.properties) {
    properties.push_back({{"name", property.name},
                          {"sentence", property.sentence},
                          {"when", to_string(property.when)}});
  }
  return json;
}

void print_rows(const std::string& title, const nlohmann::ordered_json& rows,
                std::string_view name) {
  fmt::print("\n{}:\n", title);
  for (const auto& row : rows) {
    fmt::print("  {:<24} {}\n", row[std::string(name)].get<std::string>(),
               row["sentence"].get<std::string>());
  }
}

int show_all(const ProtocolsOptions& options) {
  JsonOutput output(options.json);
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Protocol* protocol : protocols()) {
    if (!options.json.replaces_text()) {
      fmt::print("{:<12} {}\n", protocol->name, protocol->sentence);
    }
    list.push_back(json_of(*protocol));
  }
  if (options.json.is_wanted()) {
    output.write_last({{"command", "protocols"}, {"protocols", std::move(list)}});
  }
  return kHolds;
}

int show_one(const Protocol& protocol, const ProtocolsOptions& options) {
  JsonOutput output(options.json);
  const nlohmann::ordered_json json = json_of(protocol);
  if (!options.json.replaces_text()) {
    fmt::print("{}: {}\n", protocol.name, protocol.sentence);
    print_rows("Options of simulate and loopback", json["options"], "option");
    print_rows("What must hold", json["properties"], "name");
  }
  if (options.json.is_wanted()) {
    nlohmann::ordered_json whole{{"command", "protocols"}};
    whole.update(json);
    output.write_last(whole);
  }
  return kHolds;
}

}  // namespace

void add_protocols_command(CLI::App& app, std::function<int()>& command) {
  auto options = std::make_shared<ProtocolsOptions>();
  CLI::App* protocols_app = app.add_subcommand(
      "protocols", "Show the protocols that can be put under test, and what must hold of them.");
  protocols_app->add_option("name", options->name, "one of them, in full")->type_name("NAME");
  options->json.add_to(*protocols_app, "print them as one JSON object");
  protocols_app->footer(
      "Examples:\n"
      "  lossy protocols\n"
      "  lossy protocols tftp");
  protocols_app->callback([options, protocols_app, &command] {
    if (protocols_app->count("name") == 0) {
      command = [options] { return show_all(*options); };
      return;
    }
    const Protocol* const protocol = find_protocol(options->name);
    if (protocol == nullptr) {
      throw usage_error("NAME", no_such_protocol(options->name));
    }
    command = [options, protocol] { return show_one(*protocol, *options); };
  });
}

}  // namespace lossy
