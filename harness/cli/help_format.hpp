// How --help is laid out, by whichever CLI11: each version has a layout of its own.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace lossy {

// Descriptions and footers keep the lines that they have.
class HelpFormat final : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override;
};

}  // namespace lossy
