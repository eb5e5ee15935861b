#include <lossy/harness/cli/path_options.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <random>
#include <system_error>

#include <lossy/harness/cli/command_line.hpp>
#include <lossy/harness/cli/files.hpp>
#include <lossy/harness/report/path_figures.hpp>

namespace lossy {
namespace {

// Below 2^53, so that whoever reads the seed as a double has the same one.
std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32 | device()) >> 11;
}

// A rate takes the place of a trace below it, and the other way round.
LinkSettings laid_over(const LinkSettings& base, const LinkSettings& over) {
  LinkSettings result = overlaid(base, over);
  if (over.rate && !over.trace) result.trace.reset();
  if (over.trace && !over.rate) result.rate.reset();
  return result;
}

bool has_jitter(const LinkSettings& settings) {
  return settings.jitter.value_or(Duration::zero()) > Duration::zero();
}

// The first setting that leaves fates to chance, or nothing.
std::string chance_in(const LinkSettings& settings) {
  if (settings.loss) return "loss";
  if (settings.checksum) return "corrupt";
  if (settings.duplicate) return "duplicate";
  if (settings.reorder) return "hold";
  if (settings.early) return "reorder";
  if (settings.corrupt) return "flip";
  if (settings.truncate) return "truncate";
  if (has_jitter(settings)) return "jitter";
  return {};
}

LinkSettings without_chance(LinkSettings settings) {
  LinkSettings result;
  result.delay = settings.delay;
  result.keeps_order = settings.keeps_order;
  result.rate = settings.rate;
  result.trace = settings.trace;
  result.slots = settings.slots;
  result.queue_datagrams = settings.queue_datagrams;
  result.queue_bytes = settings.queue_bytes;
  result.in_flight = settings.in_flight;
  result.mtu_bytes = settings.mtu_bytes;
  result.outages = settings.outages;
  return result;
}

using Phases = std::vector<Timeline<LinkSettings>::Phase>;

template <bool (*holds)(const LinkSettings&)>
bool at_any_time(const Phases& phases) {
  return std::any_of(phases.begin(), phases.end(),
                     [](const auto& phase) { return holds(phase.value); });
}

bool holds_back(const LinkSettings& settings) {
  return happens(settings.reorder);
}

bool flips(const LinkSettings& settings) {
  return happens(settings.corrupt);
}

// What jitter would let overtake, or what is sent when the delay has become shorter.
bool may_overtake(const Phases& phases) {
  return at_any_time<has_jitter>(phases) ||
         std::adjacent_find(phases.begin(), phases.end(), [](const auto& a, const auto& b) {
           return a.value.delay.value_or(Duration::zero()) >
                  b.value.delay.value_or(Duration::zero());
         }) != phases.end();
}

// A setting that does nothing by itself.
struct Dependent {
  const char* field;
  bool (*has_effect)(const Phases&);
  const char* why;     // It has none otherwise.
  const char* needed;  // The option that changes that,
  const char* value;   // with this value, say,
  const char* words;   // or with these in a line; nothing where lines may say it all the same.
};

constexpr const char* kKeepsOrder = "jitter-keeps-order";
constexpr const char* kAJitter = "one, as in delay 20ms 2ms";
constexpr const char* kARate = "one, as in rate 1mbit";

constexpr std::array kDependents{
    Dependent{"jitter-correlation", at_any_time<has_jitter>, "there is no jitter", "jitter", "2ms",
              kAJitter},
    Dependent{"distribution", at_any_time<has_jitter>, "there is no jitter", "jitter", "2ms",
              kAJitter},
    Dependent{kKeepsOrder, may_overtake, "there is no jitter to keep the order", "jitter", "2ms",
              kAJitter},
    Dependent{"corrupt-bits", at_any_time<flips>, "no bits are flipped", "corrupt", "5%",
              "some, as in flip 5% bits 2"},
    Dependent{"queue", at_any_time<has_capacity>, "nothing queues without a rate", "rate", "1mbit",
              kARate},
    Dependent{"queue-bytes", at_any_time<has_capacity>, "nothing queues without a rate", "rate",
              "1mbit", kARate},
    Dependent{"reorder-delay", at_any_time<holds_back>, "nothing is held back", "reorder", "5%",
              nullptr}};

// Copies of listed faults may be early, and pass others.
bool has_effect(const Dependent& dependent, const Timeline<LinkSettings>& way, bool listed_faults) {
  return dependent.has_effect(way.phases()) || (listed_faults && dependent.field == kKeepsOrder);
}

bool sets(const LinkSettings& settings, std::string_view setting) {
  bool found = false;
  for_each_setting([&](const char* name, auto field) {
    found = found || (name == setting && (settings.*field).has_value());
  });
  return found;
}

bool random_slots(const Slots& slots) {
  return slots.enabled && (slots.table || slots.table_jitter > Duration::zero() ||
                           slots.interval_min != slots.interval_max);
}

}  // namespace

void PathOptions::add_to(CLI::App& app) {
  add_parsed(
      app, "--profile", profile_,
      [](std::string_view text) {
        if (const Profile* profile = find_profile(text)) return profile;
        std::string names;
        for (const Profile& one : profiles()) {
          names += (names.empty() ? "" : ", ") + std::string(one.name);
        }
        throw TextError("there is no profile " + quote(text) + "; there are " + names);
      },
      "a network by its name, as lossy profiles shows them; other options replace what it says",
      "NAME")
      ->group("Path");
  both_.add_to(app, tables_);
  for (PathScope& scope : one_way_) scope.add_to(app, tables_);
  add_parsed(
      app, "--seed", seed_,
      [this](std::string_view text) -> std::optional<std::uint64_t> {
        seed_given_ = text != "random";
        if (!seed_given_) return random_seed();
        return parse_whole(text, 0, std::numeric_limits<std::uint64_t>::max());
      },
      "what decides all that is random: the same number, the same run; \"random\" draws one and "
      "prints it [4]",
      "N|random")
      ->group("Randomness");
  add_path(app, "--faults", faults_,
           "exact fates instead of random ones, as in 'uplink.3:drop,downlink.1:duplicate+5ms', or "
           "@FILE as --save-faults writes it",
           "LIST|@FILE")
      ->group("Randomness");
}

std::string PathOptions::faults_file() const {
  return faults_.starts_with('@') ? faults_.substr(1) : std::string();
}

std::vector<NamedFile> PathOptions::files_read() const {
  std::vector<NamedFile> files = tables_.files_read();
  files.push_back({"--faults", faults_file()});
  return files;
}

void PathOptions::resolve(bool ipv6) {
  ipv6_ = ipv6;
  both_.check_once();
  for (const PathScope& scope : one_way_) scope.check_once();
  check_used();
  resolve_faults();
  resolve_way(Direction::kUplink);
  resolve_way(Direction::kDownlink);
  resolve_seed();
  check_effect(both_, {Direction::kUplink, Direction::kDownlink});
  check_effect(one_way_[0], {Direction::kUplink});
  check_effect(one_way_[1], {Direction::kDownlink});
  for (auto& way : ways_) leave_out_idle(*way);
  for (const Direction direction : {Direction::kUplink, Direction::kDownlink}) {
    for (const bool v6 : {false, true}) {
      models_[index(direction)][v6] = link_model(settings(direction), header_bytes_of(v6));
    }
  }
}

// What was said for both directions may concern only one: in the other it would be refused when
// somebody says it again.
void PathOptions::leave_out_idle(Timeline<LinkSettings>& way) const {
  const auto needed = [&](LinkSettings settings) {
    for (const Dependent& dependent : kDependents) {
      if (has_effect(dependent, way, fault_list_.has_value())) continue;
      for_each_setting([&](const char* name, auto field) {
        if (std::string_view(name) == dependent.field) (settings.*field).reset();
      });
    }
    return settings;
  };
  Timeline<LinkSettings> result(needed(way.phases().front().value));
  for (std::size_t i = 1; i < way.phases().size(); ++i) {
    result.add(way.phases()[i].start, needed(way.phases()[i].value));
  }
  way = std::move(result);
}

void PathOptions::resolve_way(Direction direction) {
  const PathScope& own = one_way_[index(direction)];
  const PathScope& timed = own.has_timeline() ? own : both_;
  LinkSettings settings;
  bool jitter_is_single = false;
  const auto lay = [&](const LinkSettings& layer, bool single) {
    settings = laid_over(settings, layer);
    if (layer.jitter) jitter_is_single = single;
  };
  if (profile_ != nullptr) lay(parse_netem(profile_->line(direction), {}), false);
  bool& drop_counts = drop_counts_[index(direction)];
  LinkSettings above;  // What is for this direction only, without its timeline's later phases.
  for (const PathScope* scope : {static_cast<const PathScope*>(&both_), &own}) {
    LinkSettings line = scope->line();
    if (scope == &timed) line = overlaid(line, scope->timeline_start());
    lay(line, false);
    LinkSettings single = scope->flags();
    if (scope->drop) {
      const auto burst = own.burst_thousandths ? own.burst_thousandths : both_.burst_thousandths;
      try {
        single.loss = burst ? LossModel(gilbert(*scope->drop, *burst)) : RandomLoss{*scope->drop};
      } catch (const TextError& error) {
        throw usage_error((own.burst_thousandths ? own : both_).prefix() + "burst", error.what());
      }
    }
    lay(single, true);
    if (line.loss || single.loss) drop_counts = scope->drop.has_value();
    above = laid_over(line, single);
  }
  std::optional<Timeline<LinkSettings>>& way = ways_[index(direction)];
  way.emplace(settings);
  for (const auto& [start, change] : timed.timeline_later()) {
    settings = laid_over(settings, change);
    if (&timed == &both_) settings = laid_over(settings, above);
    way->add(start, settings);
  }
  check_order_of_times(direction, jitter_is_single);
  check_delays(direction);
}

// As in netem, where they say what becomes of the delay: a line could not say them without one.
void PathOptions::check_delays(Direction direction) const {
  const auto refuse = [&](const char* field, const std::string& what) {
    const PathScope& own = one_way_[index(direction)];
    std::string who = own.who_says(field);
    if (who.empty()) who = both_.who_says(field);
    if (who.empty() && own.timeline_says(field)) who = own.timeline_option();
    if (who.empty() && both_.timeline_says(field)) who = both_.timeline_option();
    throw usage_error(who.empty() ? "--profile" : who,
                      what + " needs a delay, and the " + std::string(to_string(direction)) +
                          " is without one, if only for a time; raise it");
  };
  for (const auto& phase : settings(direction).phases()) {
    const LinkSettings& settings = phase.value;
    if (settings.delay.value_or(Duration::zero()) > Duration::zero()) continue;
    if (has_jitter(settings) && settings.distribution.value_or(nullptr)) {
      refuse("distribution", "a distribution");
    }
    if (settings.early && happens(settings.early->chance)) refuse("early", "netem's reorder");
  }
}

// Nothing arrives before it was sent. Where netem's words say so, what would is cut off, as there.
void PathOptions::check_order_of_times(Direction direction, bool jitter_is_single) const {
  const LinkSettings& settings = this->settings(direction).phases().front().value;
  const Duration delay = settings.delay.value_or(Duration::zero());
  const std::string name(to_string(direction));
  if (jitter_is_single && has_jitter(settings)) {
    const auto table = settings.distribution.value_or(nullptr);
    const Duration lowest = table ? table->at(0, *settings.jitter) : -*settings.jitter;
    if (-lowest > delay) {
      const std::string which = table
                                    ? " of the distribution " + quote(table->name()) +
                                          " reaches down to " + format_duration(lowest) + ", which"
                                    : "";
      throw usage_error("--jitter", format_duration(*settings.jitter) + which + " is above the " +
                                        name + "'s delay of " + format_duration(delay) +
                                        ": cutting it off would change the mean; raise --delay");
    }
  }
  // What a file says was written by a run, in which it was cut off just so.
  if (fault_list_ && faults_file().empty()) {
    Duration longest = delay;
    for (const auto& phase : this->settings(direction).phases()) {
      longest = std::max(longest, phase.value.delay.value_or(Duration::zero()));
    }
    if (-fault_list_->extra_delay_min(direction) > longest) {
      throw usage_error("--faults", "a copy is earlier than the " + name + "'s delay of " +
                                        format_duration(longest) + " allows; raise --delay");
    }
  }
}

void PathOptions::resolve_faults() {
  if (faults_.empty()) return;
  const std::string file = faults_file();
  try {
    fault_list_ = FaultList::parse(file.empty() ? faults_ : read_file(file));
    // A saved run may have done nothing to any datagram; nobody would type that.
    if (file.empty() && fault_list_->empty()) {
      throw TextError("the list is empty, so nothing would happen; as in uplink.3:drop");
    }
  } catch (const TextError& error) {
    throw usage_error("--faults", error.what());
  } catch (const std::system_error& error) {
    throw usage_error("--faults", error.what());
  }
  refuse_chance();
}

void PathOptions::refuse_chance() const {
  const std::string why =
      "fates would be left to chance, and --faults fixes them; leave one of them out";
  const auto refuse_line = [&](const std::string& option, const LinkSettings& line) {
    const std::string chance = chance_in(line);
    if (!chance.empty()) throw usage_error(option, "with its " + chance + " " + why);
  };
  for (const PathScope* scope :
       {static_cast<const PathScope*>(&both_), &one_way_[0], &one_way_[1]}) {
    const LinkSettings& single = scope->flags();
    const auto refuse = [&](const char* name, bool said) {
      if (said) throw usage_error(scope->prefix() + name, why);
    };
    refuse("drop", scope->drop.has_value());
    refuse("burst", scope->burst_thousandths.has_value());
    refuse("loss", single.loss.has_value());
    refuse("duplicate", single.duplicate.has_value());
    refuse("reorder", single.reorder.has_value());
    refuse("corrupt", single.corrupt.has_value());
    refuse("corrupt-bits", single.corrupt_bits.has_value());
    refuse("truncate", single.truncate.has_value());
    refuse("jitter", single.jitter.has_value());
    refuse("jitter-correlation", single.jitter_correlation.has_value());
    refuse("distribution", single.distribution.has_value());
    if (single.reorder_delay) {
      throw usage_error(scope->prefix() + "reorder-delay",
                        "with --faults each hold says its own time, as in uplink.3:hold+10ms");
    }
    refuse_line(scope->line_option(), scope->line());
    for (const auto& [start, change] : scope->timeline()) {
      refuse_line(scope->timeline_option(), change);
    }
  }
  if (profile_ != nullptr) throw usage_error("--profile", why);
}

bool PathOptions::has_random_slots() const {
  const auto is_random = [](const auto& phase) {
    return phase.value.slots && random_slots(*phase.value.slots);
  };
  return std::any_of(ways_.begin(), ways_.end(), [&](const auto& way) {
    return std::any_of(way->phases().begin(), way->phases().end(), is_random);
  });
}

void PathOptions::resolve_seed() {
  const auto seed_in_line = [&](Direction direction) {
    return settings(direction).phases().front().value.seed.has_value();
  };
  const bool up = seed_in_line(Direction::kUplink);
  const bool down = seed_in_line(Direction::kDownlink);
  if (seed_ && up && down) {
    throw usage_error("--seed", "the netem lines say one for each direction; leave it out");
  }
  if (!is_random() && (seed_ || up || down)) {
    throw usage_error(seed_ ? "--seed" : "seed",
                      "nothing is random with --faults; leave one of them out");
  }
}

std::uint64_t PathOptions::seed(Direction direction) const {
  const LinkSettings& settings = this->settings(direction).phases().front().value;
  return settings.seed.value_or(seed_.value_or(kDefaultSeed));
}

std::optional<std::uint64_t> PathOptions::common_seed() const {
  const std::uint64_t up = seed(Direction::kUplink);
  if (up != seed(Direction::kDownlink)) return std::nullopt;
  return up;
}

std::optional<std::uint64_t> PathOptions::implied_seed() const {
  if (!is_random() || seed_given_) return std::nullopt;
  for (const auto& way : ways_) {
    if (!way->phases().front().value.seed) return seed_.value_or(kDefaultSeed);
  }
  return std::nullopt;
}

void PathOptions::check_used() const {
  const std::string why = "each direction has its own";
  for_each_setting([&](const char* name, auto) {
    const bool timed = both_.timeline_says(name) && both_.who_says(name).empty();
    const std::string who = timed ? both_.timeline_option() : both_.who_says(name);
    if (who.empty() || one_way_[0].who_says(name).empty() || one_way_[1].who_says(name).empty()) {
      return;
    }
    const bool among_others = timed || who == both_.line_option();
    throw usage_error(who, (among_others ? "of its " + std::string(name) + " " : "") + why +
                               "; leave one of the three out");
  });
  const auto check = [&](const char* name, auto said) {
    if (said(both_) && said(one_way_[0]) && said(one_way_[1])) {
      throw usage_error(both_.prefix() + name, why + "; leave one of the three out");
    }
  };
  check("burst", [](const PathScope& scope) { return scope.burst_thousandths.has_value(); });
  check("timeline", [](const PathScope& scope) { return scope.has_timeline(); });
}

void PathOptions::check_effect(const PathScope& scope,
                               std::initializer_list<Direction> directions) const {
  const auto in_any = [&](auto&& holds) {
    return std::any_of(directions.begin(), directions.end(), holds);
  };
  const auto refuse = [&](const std::string& who, const std::string& why, const char* needed,
                          const char* value) {
    const std::string option = scope.prefix() + needed;
    throw usage_error(who, why + "; add " + option + ", as in " + option + "=" + value);
  };
  for (const Dependent& dependent : kDependents) {
    // What a direction says by itself is no effect of what is said for both.
    const auto has_own = [&](Direction way) {
      const PathScope& own = one_way_[index(way)];
      return &scope == &both_ && sets(laid_over(own.line(), own.flags()), dependent.field);
    };
    if (in_any([&](Direction way) {
          return !has_own(way) && has_effect(dependent, settings(way), fault_list_.has_value());
        })) {
      continue;
    }
    std::string who = scope.who_says(dependent.field);
    if (who.empty() && scope.timeline_says(dependent.field)) who = scope.timeline_option();
    if (who == scope.prefix() + dependent.field) {
      refuse(who, dependent.why, dependent.needed, dependent.value);
    }
    if (!who.empty() && dependent.words != nullptr) {
      throw usage_error(who, std::string(dependent.why) + "; add " + dependent.words);
    }
  }
  if (scope.burst_thousandths && !in_any([&](Direction way) { return drop_bursts(way); })) {
    refuse(scope.prefix() + "burst", "nothing is lost by " + scope.prefix() + "drop", "drop",
           "10%");
  }
  const auto has_rate = [](const auto& phase) { return phase.value.rate.has_value(); };
  if (scope.flags().rate && !in_any([&](Direction way) {
        const Phases& phases = settings(way).phases();
        return std::any_of(phases.begin(), phases.end(), has_rate);
      })) {
    throw usage_error(scope.prefix() + "rate",
                      "each direction has a trace in its place; leave it out");
  }
}

// Whether it is drop that loses datagrams, and a burst says how.
bool PathOptions::drop_bursts(Direction direction) const {
  const Phases& phases = settings(direction).phases();
  return drop_counts_[index(direction)] &&
         std::any_of(phases.begin(), phases.end(), [](const auto& phase) {
           const auto& loss = phase.value.loss;
           const auto* model = loss ? std::get_if<GilbertElliott>(&*loss) : nullptr;
           return model != nullptr && !model->to_bad.is_zero();
         });
}

Link PathOptions::make_link(Direction direction, std::uint64_t flow, bool ipv6) const {
  const LinkModel& model = *models_[index(direction)][ipv6];
  const std::uint64_t path = flow - 1;
  if (!fault_list_) return lossy::make_link(model, seed(direction), direction, path);
  LinkPlan plan = model.plan;
  plan.slot_intervals = slot_stream(seed_of_path(seed(direction), path), direction);
  return {std::move(plan), std::make_unique<ListedFates>(*fault_list_, direction, flow)};
}

std::vector<std::string> PathOptions::arguments_beside_faults() const {
  std::vector<std::string> arguments;
  const auto add = [&](const std::string& option, const std::string& text) {
    if (!text.empty()) arguments.push_back(option + '=' + text);
  };
  for (const Direction direction : {Direction::kUplink, Direction::kDownlink}) {
    const PathScope& own = one_way_[index(direction)];
    const auto& phases = settings(direction).phases();
    LinkSettings first = without_chance(phases.front().value);
    if (has_random_slots()) first.seed = seed(direction);
    add(own.line_option(), format_netem(first));
    PathScope::Phases later;
    for (std::size_t i = 1; i < phases.size(); ++i) {
      LinkSettings changed = without_chance(phases[i].value);
      changed.outages.reset();
      later.emplace_back(phases[i].start, changed);
    }
    if (!later.empty()) add(own.timeline_option(), format_timeline(later));
  }
  return arguments;
}

std::string PathOptions::options_beside_faults() const {
  std::string options;
  for (const std::string& argument : arguments_beside_faults()) {
    options += ' ' + shell_quoted(argument);
  }
  return options;
}

}  // namespace lossy
