// The command as a function: lossy itself is this with lossy's protocols, and another program with
// its own.
#pragma once

#include <string>
#include <vector>

#include <lossy/core/protocol.hpp>

namespace lossy {

struct CommandAbout {
  std::string name;      // Of the program: "lossy".
  std::string sentence;  // What it is for, in --help.
  // At least one. The first is meant where none is named; all must outlive the call.
  std::vector<const Protocol*> protocols;
};

// Runs the command that was typed, and gives the exit code. Once a process, whose standard streams
// and signals it takes over. Commands that are about greetings are there where greetings are.
int run_command(int argc, char** argv, const CommandAbout& about);

}  // namespace lossy
