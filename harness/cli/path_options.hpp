// The options that describe a path: what each direction's link does to datagrams.
//
// --drop=10% is for both directions, --uplink-drop=5% and --downlink-drop=5% for one, whose own
// value wins. An option that cannot take effect is refused with the reason.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "harness/cli/option.hpp"
#include "harness/link/fault_list.hpp"
#include "harness/link/link.hpp"
#include "harness/link/random_fates.hpp"

namespace lossy {

// One direction's settings, resolved and checked.
struct OneWay {
  LinkOptions link{};
  Impairments impairments{};
};

// Fixed unless asked for otherwise, so that a first run can be shown to somebody else. With this
// one the three default greetings lose a datagram each way at 10 %.
inline constexpr std::uint64_t kDefaultSeed = 4;

class PathOptions {
 public:
  void add_to(CLI::App& app);

  // Checks what was given and works it out, reading the list of faults when it lies in a file.
  // Throws CLI::ValidationError for what cannot take effect and std::system_error for what cannot
  // be read.
  void resolve(bool ipv6);

  // The file that --faults=@FILE names, or nothing.
  std::string faults_file() const;

  // All of the following after resolve().
  const OneWay& way(Direction direction) const {
    return ways_[static_cast<std::size_t>(direction)];
  }
  Link make_link(Direction direction) const;
  // The exact faults to run, or nothing when fates are random.
  const std::optional<FaultList>& faults() const { return fault_list_; }
  std::uint64_t seed() const { return seed_.value_or(kDefaultSeed); }
  // Whether --seed was left out or "random": then the command line does not show it.
  bool seed_is_implied() const { return !seed_given_; }

 private:
  struct Given {
    std::optional<Probability> drop{};
    std::optional<Probability> duplicate{};
    std::optional<Probability> reorder{};
    std::optional<Duration> reorder_delay{};
    std::optional<Probability> corrupt{};
    std::optional<Duration> delay{};
    std::optional<Duration> jitter{};
    bool jitter_keeps_order = false;
    std::optional<std::uint64_t> rate{};
    std::optional<std::uint64_t> queue{};
  };

  void add_one(CLI::App& app, const std::string& prefix, const std::string& where, Given& given);
  void resolve_way(Direction direction, bool ipv6);
  void resolve_faults();
  // Refuses a setting for both directions that each direction has its own for.
  void check_used() const;
  void check_effect(const std::string& prefix, const Given& given,
                    std::initializer_list<Direction> directions) const;

  Given both_;
  std::array<Given, 2> one_way_;
  std::optional<std::uint64_t> seed_;
  bool seed_given_ = false;
  std::string faults_;
  std::array<OneWay, 2> ways_;
  std::optional<FaultList> fault_list_;
};

}  // namespace lossy
