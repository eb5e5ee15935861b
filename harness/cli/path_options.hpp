// The options that describe a path: what each direction's link does to datagrams.
//
// A profile lies below, then come a netem line and a timeline's beginning, then single settings;
// and what is for one direction lies above what is for both. Whoever lies above is believed, in
// what they say. What is said twice at one height, and what cannot take effect, is refused with the
// reason.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include <lossy/harness/cli/option.hpp>
#include <lossy/harness/cli/path_scope.hpp>
#include <lossy/harness/cli/table_files.hpp>
#include <lossy/harness/link/direction.hpp>
#include <lossy/harness/link/fault_list.hpp>
#include <lossy/harness/link/link.hpp>
#include <lossy/harness/link/link_model.hpp>
#include <lossy/harness/link/profiles.hpp>
#include <lossy/harness/link/settings.hpp>
#include <lossy/harness/link/timeline.hpp>

namespace lossy {

// Fixed unless asked for otherwise, so that a first run can be shown to somebody else. With this
// one the three default greetings lose a datagram each way at 10 %.
inline constexpr std::uint64_t kDefaultSeed = 4;

class PathOptions {
 public:
  // This must stay where it is until the application has parsed.
  void add_to(CLI::App& app);

  // Checks what was given and works it out, reading the list of faults when it lies in a file.
  // Throws CLI::ValidationError for what cannot take effect and std::system_error for what cannot
  // be read.
  void resolve(bool ipv6);

  // The files that the options name: the list of faults, tables and traces.
  std::vector<NamedFile> files_read() const;

  // All of the following after resolve().

  // All that was said of one direction, over time.
  const Timeline<LinkSettings>& settings(Direction direction) const {
    return *ways_[index(direction)];
  }
  Link make_link(Direction direction) const { return make_link(direction, 1, ipv6_); }
  // Each flow of a proxy has random streams of its own; those of the first are a single path's. All
  // that does not differ between flows is shared by their links.
  Link make_link(Direction direction, std::uint64_t flow, bool ipv6) const;
  // IP and UDP.
  std::size_t header_bytes() const { return header_bytes_of(ipv6_); }
  // The exact faults to run, or nothing when fates are random.
  const std::optional<FaultList>& faults() const { return fault_list_; }
  // Whether anything is left to chance: fates, or the intervals of slots.
  bool is_random() const { return !fault_list_ || has_random_slots(); }
  std::uint64_t seed(Direction direction) const;
  // The seed, when both directions have the same.
  std::optional<std::uint64_t> common_seed() const;
  // What --seed would have to say for the same run, when the command line does not: it was left out
  // or "random".
  std::optional<std::uint64_t> implied_seed() const;
  // The path without what is left to chance, as arguments, for a run with listed fates; and the
  // same for a shell, each behind a space.
  std::vector<std::string> arguments_beside_faults() const;
  std::string options_beside_faults() const;

 private:
  static std::size_t header_bytes_of(bool ipv6) { return ipv6 ? kHeaderBytesV6 : kHeaderBytesV4; }
  static std::size_t index(Direction direction) { return static_cast<std::size_t>(direction); }

  void resolve_faults();
  void resolve_way(Direction direction);
  void resolve_seed();
  // The list of faults decides fates: nothing else may.
  void refuse_chance() const;
  // Refuses a setting for both directions that each direction has its own for.
  void check_used() const;
  void check_effect(const PathScope& scope, std::initializer_list<Direction> directions) const;
  bool drop_bursts(Direction direction) const;
  void leave_out_idle(Timeline<LinkSettings>& way) const;
  void check_order_of_times(Direction direction, bool jitter_is_single) const;
  void check_delays(Direction direction) const;
  std::string faults_file() const;
  bool has_random_slots() const;

  DiskTables tables_;
  PathScope both_{"--", "--netem", ""};
  std::array<PathScope, 2> one_way_{
      PathScope{"--uplink-", "--uplink", "client to server only"},
      PathScope{"--downlink-", "--downlink", "server to client only"}};
  const Profile* profile_ = nullptr;
  std::optional<std::uint64_t> seed_;
  bool seed_given_ = false;
  std::string faults_;
  bool ipv6_ = false;
  std::array<std::optional<Timeline<LinkSettings>>, 2> ways_;
  std::array<std::array<std::optional<LinkModel>, 2>, 2> models_;  // By direction and family.
  std::array<bool, 2> drop_counts_{};  // The loss of the direction is what drop asks for.
  std::optional<FaultList> fault_list_;
};

}  // namespace lossy
