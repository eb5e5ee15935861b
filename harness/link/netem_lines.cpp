// For tests that compare with another reader of netem's words: prints what becomes of each line of
// standard input, as "ok CANONICAL LINE" or "error OFFSET SIZE REASON".
#include <iostream>
#include <string>

#include <lossy/harness/link/netem.hpp>

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    try {
      const std::string canonical = lossy::format_netem(lossy::parse_netem(line, {}));
      std::cout << "ok " << canonical << '\n';
    } catch (const lossy::NetemError& error) {
      std::cout << "error " << error.offset << ' ' << error.size << ' ' << error.what() << '\n';
    }
  }
}
