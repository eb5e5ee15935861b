// Options whose text one of our own parsers reads.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <lossy/harness/link/text.hpp>

namespace lossy {

// An option --name=TYPE whose text `parse` reads into `value`. What parse() refuses with a
// TextError or std::system_error becomes the one line "--name: why".
template <typename Value, typename Parse>
CLI::Option* add_parsed(CLI::App& app, const std::string& name, Value& value, Parse parse,
                        const std::string& description, const std::string& type) {
  return app
      .add_option_function<std::string>(
          name,
          [&value, name, parse](const std::string& text) {
            try {
              value = parse(text);
            } catch (const TextError& error) {
              throw CLI::ValidationError(name, error.what());
            } catch (const std::system_error& error) {  // It names a file, say.
              throw CLI::ValidationError(name, error.what());
            }
          },
          description)
      ->type_name(type);
}

// The captures that a command reads, one at least.
inline void add_captures(CLI::App& app, std::vector<std::string>& files) {
  app.add_option("files", files,
                 "the captures: pcap, pcapng or snoop, as they are or compressed by gzip, zstd, "
                 "lz4, xz or bzip2; - is standard input")
      ->required()
      ->type_name("FILE");
}

// An option --filter=EXPRESSION, in tcpdump's words.
template <typename Value>
CLI::Option* add_filter(CLI::App& app, Value& value, const std::string& description) {
  return add_parsed(
      app, "--filter", value,
      [](std::string_view text) {
        if (text.empty()) throw TextError("the expression is missing");
        return std::string(text);
      },
      description, "EXPRESSION");
}

// --inner, wherever captures are read.
inline CLI::Option* add_inner(CLI::App& app, bool& value) {
  return app.add_flag("--inner", value,
                      "of VXLAN, Geneve and GTP-U what is inside counts, not what carries it");
}

// --bad-checksums, wherever they are thrown away else.
inline CLI::Option* add_bad_checksums(CLI::App& app, bool& value) {
  return app.add_flag("--bad-checksums", value,
                      "take datagrams with bad checksums, too, as files have that were edited or "
                      "made anonymous");
}

// An option --name=FILE. An empty name, from a variable that is not set say, is refused: it would
// make the option do nothing.
inline CLI::Option* add_path(CLI::App& app, const std::string& name, std::string& value,
                             const std::string& description, const std::string& type) {
  return add_parsed(
      app, name, value,
      [](std::string_view text) {
        if (text.empty()) throw TextError("the file's name is missing");
        return std::string(text);
      },
      description, type);
}

// A usage error in words of ours, with exit code 2 as any other.
inline CLI::ValidationError usage_error(const std::string& name, const std::string& why) {
  return CLI::ValidationError(name, why);
}

}  // namespace lossy
