// The words of a command line before CLI11 reads them.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace lossy {

// Refuses, with a usage error, words that CLI11 would take for something else than what everybody
// means by them: "--record=", which would take the next word for its value, "--record --trace",
// "-w=FILE", "--!x", which would be a name, and "[a,b]", which would be two words. `words` are
// those behind the program's name.
void refuse_misread_words(const CLI::App& app, const std::vector<std::string>& words);

}  // namespace lossy
