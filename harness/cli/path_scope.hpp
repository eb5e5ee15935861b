// What the options with one prefix say of a path: "--drop" of both directions, "--uplink-drop" of
// one. A scope may hold a netem line, a timeline and single settings, which must not say the same.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <lossy/harness/cli/option.hpp>
#include <lossy/harness/cli/table_files.hpp>
#include <lossy/harness/link/netem.hpp>
#include <lossy/harness/link/settings.hpp>

namespace lossy {

class PathScope {
 public:
  using Phases = std::vector<std::pair<Instant, LinkSettings>>;

  // `line_option` takes the netem line. `where` says which direction, or is empty for both.
  PathScope(std::string prefix, std::string line_option, std::string where)
      : prefix_(std::move(prefix)),
        line_option_(std::move(line_option)),
        where_(std::move(where)) {}

  // The options read into this and `tables`, which must both stay where they are until the
  // application has parsed.
  void add_to(CLI::App& app, DiskTables& tables);

  const std::string& prefix() const { return prefix_; }
  std::string timeline_option() const { return prefix_ + "timeline"; }
  // The option that sets a field of the single settings.
  std::string option_of(const std::string& field) const {
    return prefix_ + (field == "loss" && drop ? "drop" : field);
  }

  // Throws CLI::ValidationError, naming both, when two of line, timeline and single settings say
  // the same.
  void check_once() const;
  // The option that says something of `field`, or "": a single setting's before the line's. What
  // later phases of a timeline say does not count, nor does what a line says only because it goes
  // with something else.
  std::string who_says(const std::string& field) const;
  // Whether the timeline says something of it, at any time.
  bool timeline_says(const std::string& field) const;

  // The netem line; empty when there is none.
  const LinkSettings& line() const { return line_; }
  const std::string& line_option() const { return line_option_; }
  // Where it begins at 0 s, the timeline says what holds at first, as a line does; without it.
  LinkSettings timeline_start() const;
  // What comes later.
  Phases timeline_later() const;
  bool has_timeline() const { return !timeline_.empty(); }
  const Phases& timeline() const { return timeline_; }

  // The single settings, without what drop and burst make of the loss.
  const LinkSettings& flags() const { return flags_; }

  std::optional<Probability> drop{};
  std::optional<std::uint64_t> burst_thousandths{};

 private:
  template <typename Value, typename Parse>
  void add(CLI::App& app, const char* name, Value& value, Parse parse,
           const std::string& description, const char* type);
  void add_chances(CLI::App& app);
  void add_delay(CLI::App& app, DiskTables& tables);
  void add_capacity(CLI::App& app, DiskTables& tables);
  void add_lines(CLI::App& app, DiskTables& tables);
  // The single settings with a loss where drop or burst ask for one: what is said, not what it is.
  LinkSettings flags_said() const;
  std::string describe(const char* name, const std::string& description) const;
  std::string group() const { return where_.empty() ? "Path" : "Path, one way"; }

  std::string prefix_;
  std::string line_option_;
  std::string where_;
  LinkSettings flags_;
  LinkSettings line_;
  Phases timeline_;
};

}  // namespace lossy
