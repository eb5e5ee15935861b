// The options that say whom to greet, and how persistently.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <lossy/core/greeter.hpp>
#include <lossy/harness/cli/option.hpp>

namespace lossy {

class GreetingOptions {
 public:
  void add_to(CLI::App& app);
  // Throws CLI::ValidationError for what cannot be a name or a timeout.
  void resolve() const;

  // Those given, or the tutorial's three.
  std::vector<std::string> names() const;
  bool names_given() const { return !names_.empty(); }
  // `window` counts where none was asked for.
  ClientOptions client(const Address& server, std::size_t window) const;

 private:
  std::vector<std::string> names_;
  std::optional<std::uint64_t> window_;
  std::uint64_t attempts_ = 5;
  Duration initial_rto_ = RetryOptions{}.initial_rto;
};

}  // namespace lossy
