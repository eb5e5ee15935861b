#include <lossy/harness/cli/path_scope.hpp>

#include <algorithm>
#include <array>
#include <limits>

namespace lossy {
namespace {

constexpr std::uint64_t kQueueMax = 1'000'000;
constexpr std::uint64_t kQueueBytesMax = std::uint64_t{1} << 40;
// RFC 791: every host forwards a packet of 68 bytes.
constexpr std::uint64_t kMtuMin = 68;
constexpr std::uint64_t kMtuMax = 65'535;

Chance parse_chance(std::string_view text) {
  return parse_probability(text);
}

Duration parse_hold(std::string_view text) {
  const Duration hold = parse_duration(text);
  if (hold == Duration::zero()) throw TextError("held back by nothing, a datagram is not passed");
  return hold;
}

// "4", "2.5": thousandths of a datagram.
std::uint64_t parse_burst(std::string_view text) {
  const auto thousandths = parse_thousandths(text, 1'000'000'000);
  if (thousandths.value_or(0) < 1000) {
    throw TextError(quote(text) +
                    " is no mean run of losses: write a number from 1 to 1000000000 with at most "
                    "three decimals, as in 4 or 2.5");
  }
  return *thousandths;
}

std::vector<Outage> parse_outages(const std::vector<std::string>& texts) {
  std::vector<Outage> outages;
  for (const std::string& text : texts) add_outage(text, outages);
  return outages;
}

// Reads a line or a timeline and says where it cannot be read.
template <typename Read>
auto reading(std::string_view text, Read read) {
  try {
    return read(text);
  } catch (const NetemError& error) {
    throw TextError(std::string(error.what()) + ", at character " +
                    std::to_string(error.offset + 1));
  }
}

// netem's words behind `loss`.
LossModel parse_loss(const std::string& text) {
  const std::string before = "loss ";
  try {
    const LinkSettings settings = parse_netem(before + text, {});
    LinkSettings only_loss;
    only_loss.loss = settings.loss;
    if (!settings.loss || !(settings == only_loss)) {
      throw TextError(quote(text) + " says more than a loss; that is for --netem");
    }
    return *settings.loss;
  } catch (const NetemError& error) {
    // A word behind the end is missing where our text ends, too.
    const std::size_t at = std::max(error.offset, before.size()) - before.size();
    throw TextError(std::string(error.what()) + ", at character " + std::to_string(at + 1));
  }
}

// What a word of a line says only because it goes with another: "delay 10ms" that there is no
// jitter.
template <typename Value>
bool says_nothing(const Value&) {
  return false;
}
bool says_nothing(Duration value) {
  return value == Duration::zero();
}
bool says_nothing(bool value) {
  return !value;
}
bool says_nothing(Probability value) {
  return value.is_zero();
}
template <typename Value>
bool says_nothing(const std::shared_ptr<const Value>& value) {
  return value == nullptr;
}

// Whether a line says something of `field` that it would not say anyway.
bool line_says(const LinkSettings& line, const std::string& name) {
  bool says = false;
  for_each_setting([&](const char* each, auto field) {
    if (name == each) says = (line.*field).has_value() && !says_nothing(*(line.*field));
  });
  // Where nobody asks for more, one bit is flipped.
  return says && (name != "corrupt-bits" || *line.corrupt_bits > 1);
}

bool has_trace(const LinkSettings& settings) {
  return settings.trace.value_or(nullptr) != nullptr;
}

// The first field that both say something of, or nothing.
std::string said_twice(const LinkSettings& a, const LinkSettings& b) {
  std::string twice;
  for_each_setting([&](const char* name, auto field) {
    if (twice.empty() && (a.*field).has_value() && (b.*field).has_value()) twice = name;
  });
  return twice;
}

}  // namespace

template <typename Value, typename Parse>
void PathScope::add(CLI::App& app, const char* name, Value& value, Parse parse,
                    const std::string& description, const char* type) {
  add_parsed(app, prefix_ + name, value, parse, describe(name, description), type)->group(group());
}

// What an option does is said once; those for one direction point there.
std::string PathScope::describe(const char* name, const std::string& description) const {
  return where_.empty() ? description : "--" + std::string(name) + ", " + where_;
}

void PathScope::add_to(CLI::App& app, DiskTables& tables) {
  add_lines(app, tables);
  add_chances(app);
  add_delay(app, tables);
  add_capacity(app, tables);
}

void PathScope::add_lines(CLI::App& app, DiskTables& tables) {
  add_parsed(
      app, line_option_, line_,
      [&tables](std::string_view text) {
        return reading(text, [&](auto line) { return parse_netem(line, tables.files()); });
      },
      where_.empty() ? "what tc's netem would be told, as in 'delay 100ms 10ms loss gemodel 1% 10%'"
                     : "--netem, " + where_,
      "LINE")
      ->group(group());
  add(
      app, "timeline", timeline_,
      [&tables](std::string_view text) {
        return reading(text, [&](auto line) { return parse_timeline(line, tables.files()); });
      },
      "netem lines that hold from a time on, as in '0s: loss 1%; 5s: loss 100%; 6s: loss 1%'",
      "LINES");
}

void PathScope::add_chances(CLI::App& app) {
  add(app, "drop", drop, parse_probability, "lose datagrams", "PERCENT");
  add(app, "burst", burst_thousandths, parse_burst,
      "how many in a row --drop loses on average; its rate stays", "N");
  add(
      app, "loss", flags_.loss, [](std::string_view text) { return parse_loss(std::string(text)); },
      "lose datagrams by a model, in netem's words: 'gemodel 1% 10%', 'state 1% 10%', 'every 10'",
      "MODEL");
  add(app, "duplicate", flags_.duplicate, parse_chance, "deliver datagrams twice", "PERCENT");
  add(app, "reorder", flags_.reorder, parse_chance,
      "hold datagrams back by the reorder-delay, so that later ones pass them", "PERCENT");
  add(app, "reorder-delay", flags_.reorder_delay, parse_hold,
      "how long --reorder holds a datagram back [10ms]", "TIME");
  add(app, "corrupt", flags_.corrupt, parse_chance,
      "flip one bit of the payload, which the checksum missed", "PERCENT");
  add(
      app, "corrupt-bits", flags_.corrupt_bits,
      [](std::string_view text) { return parse_whole(text, 1, CopyFate::kFlipsMax); },
      "how many bits --corrupt flips [1]", "N");
  add(app, "truncate", flags_.truncate, parse_chance,
      "cut the payload off somewhere, perhaps before its first byte", "PERCENT");
}

void PathScope::add_delay(CLI::App& app, DiskTables& tables) {
  add(app, "delay", flags_.delay, parse_duration, "how long a datagram travels [0]", "TIME");
  add(app, "jitter", flags_.jitter, parse_duration,
      "let the delay vary by up to this much; datagrams may pass each other", "TIME");
  add(app, "jitter-correlation", flags_.jitter_correlation, parse_probability,
      "how much each datagram's jitter resembles the one before", "PERCENT");
  add(
      app, "distribution", flags_.distribution,
      [&tables](std::string_view text) -> std::shared_ptr<const DelayTable> {
        if (text == "uniform") return nullptr;
        const std::string name(text);
        if (name.empty()) throw TextError("the distribution's name is missing");
        if (auto table = DelayTable::built_in(name)) return table;
        return DelayTable::parse(tables.distribution(name), name);
      },
      "how the jitter is distributed, with the jitter as its standard deviation: uniform, normal, "
      "pareto, paretonormal, or a table as iproute2 has them [uniform]",
      "NAME|FILE.dist");
  app.add_flag_callback(
         prefix_ + "jitter-keeps-order", [this] { flags_.keeps_order = true; },
         describe("jitter-keeps-order", "never let jitter change the order"))
      ->group(group());
}

void PathScope::add_capacity(CLI::App& app, DiskTables& tables) {
  add(
      app, "rate", flags_.rate,
      [](std::string_view text) { return RateLimit{.bits_per_second = parse_rate(text)}; },
      "the link's speed, with IP and UDP headers counted", "RATE");
  if (!where_.empty()) {  // --trace is the ladder.
    add_parsed(
        app, prefix_ + "trace", flags_.trace,
        [&tables](std::string_view text) {
          if (text.empty()) throw TextError("the file's name is missing");
          const std::string path(text);
          return DeliveryTrace::parse(tables.trace(path), path);
        },
        "instead of a rate, a mahimahi trace: a line is the millisecond of an opportunity to send "
        "1504 bytes, " +
            where_,
        "FILE")
        ->group(group());
  }
  const auto whole = [](std::uint64_t min, std::uint64_t max) {
    return [min, max](std::string_view text) { return parse_whole(text, min, max); };
  };
  add(app, "queue", flags_.queue_datagrams, whole(0, kQueueMax),
      "how many datagrams may wait for the rate; more are lost [1000]", "N");
  add(app, "queue-bytes", flags_.queue_bytes, whole(0, kQueueBytesMax),
      "how many bytes, headers counted, may wait for the rate; more are lost", "N");
  add(app, "mtu", flags_.mtu_bytes, whole(kMtuMin, kMtuMax),
      "IP packets of more bytes vanish, as without path MTU discovery", "BYTES");
  app.add_option_function<std::vector<std::string>>(
         prefix_ + "outage",
         [this](const std::vector<std::string>& texts) {
           try {
             flags_.outages = parse_outages(texts);
           } catch (const TextError& error) {
             throw CLI::ValidationError(prefix_ + "outage", error.what());
           }
         },
         describe("outage", "nothing gets through for a while, as in 2s..3s; may be repeated"))
      ->allow_extra_args(false)
      ->type_name("FROM..TO")
      ->group(group());
}

LinkSettings PathScope::flags_said() const {
  LinkSettings said = flags_;
  if (drop) said.loss = RandomLoss{};
  return said;
}

LinkSettings PathScope::timeline_start() const {
  LinkSettings start;
  for (const auto& [when, settings] : timeline_) {
    if (when <= Instant{}) start = overlaid(start, settings);
  }
  return start;
}

PathScope::Phases PathScope::timeline_later() const {
  Phases later;
  for (const auto& phase : timeline_) {
    if (phase.first > Instant{}) later.push_back(phase);
  }
  return later;
}

void PathScope::check_once() const {
  if (drop && flags_.loss) {
    throw usage_error(prefix_ + "drop", prefix_ + "loss says that, too; leave one of them out");
  }
  const LinkSettings said = flags_said();
  const LinkSettings start = timeline_start();
  const auto check = [&](const std::string& option, const LinkSettings& a, const std::string& other,
                         const LinkSettings& b) {
    const std::string twice = said_twice(a, b);
    if (!twice.empty()) {
      throw usage_error(option.empty() ? option_of(twice) : option,
                        other + " says that, too (" + twice + "); leave one of them out");
    }
    if ((a.rate && has_trace(b)) || (has_trace(a) && b.rate)) {
      throw usage_error(option.empty() ? option_of(a.rate ? "rate" : "trace") : option,
                        "a trace takes the place of a rate, and " + other +
                            " says the other one; leave one of them out");
    }
  };
  check("", said, line_option_, line_);
  check("", said, timeline_option(), start);
  check(line_option_, line_, timeline_option(), start);
  if (flags_.rate && has_trace(flags_)) {
    throw usage_error(prefix_ + "rate",
                      "a trace takes its place; leave " + prefix_ + "trace or it out");
  }
}

std::string PathScope::who_says(const std::string& name) const {
  bool said = false;
  const LinkSettings flags = flags_said();
  for_each_setting([&](const char* each, auto field) {
    if (name == each) said = (flags.*field).has_value();
  });
  if (said) return option_of(name);
  return line_says(line_, name) ? line_option_ : "";
}

bool PathScope::timeline_says(const std::string& name) const {
  return std::any_of(timeline_.begin(), timeline_.end(),
                     [&](const auto& phase) { return line_says(phase.second, name); });
}

}  // namespace lossy
