#include <lossy/harness/cli/script_command.hpp>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include <lossy/harness/capture/new_file.hpp>
#include <lossy/harness/cli/exit_code.hpp>
#include <lossy/harness/cli/files.hpp>
#include <lossy/harness/cli/protocols.hpp>
#include <lossy/harness/cli/script_file.hpp>
#include <lossy/harness/cli/terminal.hpp>
#include <lossy/harness/sim/script_text.hpp>

namespace lossy {
namespace {

struct ScriptCommandOptions {
  std::string protocol;
  std::string file;
  bool input = false;
  std::optional<ScriptForm> to;
  std::string write;
};

std::string content_of(const Script& script, ScriptForm form) {
  if (form == ScriptForm::kText) return format_script(script);
  const std::vector<std::byte> bytes = encode(script);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

const Protocol& protocol_of(const ScriptCommandOptions& options) {
  if (!options.protocol.empty()) return *find_protocol(options.protocol);
  const Protocol* const named = options.input ? nullptr : protocol_of_script_file(options.file);
  return named == nullptr ? *protocols().front() : *named;
}

std::string converted(const ScriptCommandOptions& options) {
  const Protocol& protocol = protocol_of(options);
  const ScriptFile read = options.input ? read_script_input(options.file, protocol)
                                        : read_script(options.file, protocol);
  if (read.network_script) {
    if (options.to == ScriptForm::kBinary) {
      throw usage_error("--to",
                        "only scripts of greetings have a binary form: an input of another "
                        "protocol's fuzz target cannot say all that a script can");
    }
    return format_network_script(protocol, *read.network_script);
  }
  const ScriptForm other = read.form == ScriptForm::kText ? ScriptForm::kBinary : ScriptForm::kText;
  return content_of(*read.script, options.to.value_or(other));
}

int convert(const ScriptCommandOptions& options) {
  const std::string content = converted(options);
  const bool is_text = content.starts_with("script ");
  if (options.write.empty() && !is_text && is_terminal(stdout)) {
    throw usage_error("--write",
                      "a terminal cannot show the binary form; say which file gets it, or "
                      "--to=text");
  }
  if (options.write.empty()) {
    std::fwrite(content.data(), 1, content.size(), stdout);  // main() sees to errors.
  } else {
    NewFile(options.write).write_whole(content);
  }
  return kHolds;
}

}  // namespace

void add_script_command(CLI::App& app, std::function<int()>& command) {
  auto options = std::make_shared<ScriptCommandOptions>();
  CLI::App* script_app =
      app.add_subcommand("script", "Turn a script, or a fuzzer's input, into text; or back.");
  add_protocol(*script_app, options->protocol,
               "whose script it is [what the script says, or " + protocols().front()->name + "]");
  add_path(*script_app, "file", options->file, "the script, in whichever form", "FILE")->required();
  add_parsed(
      *script_app, "--to", options->to,
      [](std::string_view text) -> std::optional<ScriptForm> {
        if (text == "text") return ScriptForm::kText;
        if (text == "binary") return ScriptForm::kBinary;
        throw TextError(quote(text) + " is no form of a script; there are text and binary");
      },
      "which form to have [the one that the file has not; of version 2 there is text alone]",
      "text|binary");
  script_app->add_flag(
      "--input", options->input,
      "the file is an input of the protocol's fuzz target, whatever it looks like");
  add_path(*script_app, "--write", options->write, "write it to a file [standard output]", "FILE");
  script_app->footer(
      "A script says what is asked and what the network does, a line each operation. Those of\n"
      "greetings are:\n"
      "\n"
      "  script 1                     # the version comes first\n"
      "  window 2                     # also attempts, initial-rto, min-rto, max-rto, clock, "
      "family\n"
      "  greet \"Michael\"              # or: greet longest\n"
      "  timeout                      # at the client's timeout; also: timeout early, timeout late "
      "5ms\n"
      "  tick 250us                   # time passes, then a timeout is called for;\n"
      "  pass 1s                      # nobody calls; or, in wait 20ms, each on its time\n"
      "  deliver uplink 0             # the first of those on their way; also: deliver all\n"
      "  drop downlink 0              # also: duplicate, swap uplink 0 1\n"
      "  flip uplink 0 13             # a bit; cut downlink 0 4: four bytes are left\n"
      "  inject uplink peer name \"A\"  # from peer, other-port, other-host or reflected:\n"
      "                               # name, greeting, rubbish byte-ff or bytes \"\\xff\"\n"
      "  rebind 1                     # the client's address becomes another one of four\n"
      "\n"
      "Places, bits and bytes are taken modulo what there is, and what is impossible does "
      "nothing.\n"
      "Behind the last operation the network turns perfect. Comments and spaces are not kept in\n"
      "binary; everything else is. Those of any protocol are:\n"
      "\n"
      "  script 2\n"
      "  protocol tftp\n"
      "  set attempts 3               # settings, as the options of lossy simulate\n"
      "  get \"readme\"                 # calls\n"
      "  deliver 0                    # the first of those on their way, whoever sent it;\n"
      "  deliver first 5              # five, one after the other\n"
      "  drop 1                       # also: drop all, duplicate 0, swap 0 1, flip 0 13, cut 0 4\n"
      "  timeout                      # the earliest of all hosts'; also: timeout 3\n"
      "  isolate 2 8                  # for 8 timeouts nothing from or to the third host arrives\n"
      "\n"
      "Examples:\n"
      "  lossy script fuzz/findings/crash-1 --write=crash.script\n"
      "  lossy simulate --script=crash.script --trace\n"
      "  lossy script --protocol=membership --input fuzz/findings/crash-2");
  script_app->callback([options, &command] {
    refuse_overwriting({{"--write", options->write}}, {{"FILE", options->file}});
    command = [options] { return convert(*options); };
  });
}

}  // namespace lossy
