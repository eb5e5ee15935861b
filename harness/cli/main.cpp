// The `lossy` command.
#include <lossy/core/greeting/protocol.hpp>
#include <lossy/core/membership/protocol.hpp>
#include <lossy/core/tftp/protocol.hpp>
#include <lossy/harness/cli/command.hpp>

int main(int argc, char** argv) {
  return lossy::run_command(
      argc, argv,
      {.name = "lossy",
       .sentence = "Shows what a UDP protocol does when the network misbehaves.",
       .protocols = {&lossy::greetings(), &lossy::tftp::protocol(),
                     &lossy::membership::protocol()}});
}
