#include "harness/cli/path_options.hpp"

#include <limits>
#include <random>

#include "harness/cli/files.hpp"

namespace lossy {
namespace {

constexpr std::uint64_t kQueueMax = 1'000'000;

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32 | device()) >> 1;
}

std::optional<std::uint64_t> parse_queue(std::string_view text) {
  return parse_whole(text, 0, kQueueMax);
}

}  // namespace

void PathOptions::add_to(CLI::App& app) {
  add_one(app, "--", "", both_);
  add_one(app, "--uplink-", "client to server only", one_way_[0]);
  add_one(app, "--downlink-", "server to client only", one_way_[1]);
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

void PathOptions::add_one(CLI::App& app, const std::string& prefix, const std::string& where,
                          Given& given) {
  const std::string group = prefix == "--" ? "Path" : "Path, one way";
  // What an option does is said once; those for one direction point there.
  const auto describe = [&](const char* name, const std::string& description) {
    return where.empty() ? description : "--" + std::string(name) + ", " + where;
  };
  const auto add = [&](const char* name, auto& value, auto parse, const std::string& description,
                       const char* type) {
    add_parsed(app, prefix + name, value, parse, describe(name, description), type)->group(group);
  };
  add("drop", given.drop, parse_probability, "lose datagrams", "PERCENT");
  add("duplicate", given.duplicate, parse_probability, "deliver datagrams twice", "PERCENT");
  add("reorder", given.reorder, parse_probability,
      "hold datagrams back by the reorder-delay, so that later ones pass them", "PERCENT");
  add("reorder-delay", given.reorder_delay, parse_duration,
      "how long --reorder holds a datagram back [10ms]", "TIME");
  add("corrupt", given.corrupt, parse_probability, "flip one bit of the payload", "PERCENT");
  add("delay", given.delay, parse_duration, "how long a datagram travels [0]", "TIME");
  add("jitter", given.jitter, parse_duration,
      "let the delay vary by up to this much, uniformly; datagrams may pass each other", "TIME");
  app.add_flag(prefix + "jitter-keeps-order", given.jitter_keeps_order,
               describe("jitter-keeps-order", "never let jitter change the order"))
      ->group(group);
  add("rate", given.rate, parse_rate, "the link's speed, with IP and UDP headers counted", "RATE");
  add("queue", given.queue, parse_queue,
      "how many datagrams may wait for the rate; more are lost [1000]", "N");
}

std::string PathOptions::faults_file() const {
  return faults_.starts_with('@') ? faults_.substr(1) : std::string();
}

void PathOptions::resolve(bool ipv6) {
  check_used();
  resolve_faults();
  resolve_way(Direction::kUplink, ipv6);
  resolve_way(Direction::kDownlink, ipv6);
  check_effect("--", both_, {Direction::kUplink, Direction::kDownlink});
  check_effect("--uplink-", one_way_[0], {Direction::kUplink});
  check_effect("--downlink-", one_way_[1], {Direction::kDownlink});
}

void PathOptions::resolve_way(Direction direction, bool ipv6) {
  const Given& own = one_way_[static_cast<std::size_t>(direction)];
  OneWay& way = ways_[static_cast<std::size_t>(direction)];
  const auto pick = [](const auto& one, const auto& both, auto fallback) {
    return one ? *one : both.value_or(fallback);
  };
  const Impairments unimpaired;
  way.impairments = {
      .loss = RandomLoss{pick(own.drop, both_.drop, Probability{})},
      .duplicate = pick(own.duplicate, both_.duplicate, Probability{}),
      .reorder = pick(own.reorder, both_.reorder, Probability{}),
      .reorder_delay = pick(own.reorder_delay, both_.reorder_delay, unimpaired.reorder_delay),
      .corrupt = pick(own.corrupt, both_.corrupt, Probability{}),
      .jitter = pick(own.jitter, both_.jitter, unimpaired.jitter)};
  way.link.delay = pick(own.delay, both_.delay, way.link.delay);
  way.link.keeps_order = own.jitter_keeps_order || both_.jitter_keeps_order;
  way.link.rate.bits_per_second = pick(own.rate, both_.rate, std::uint64_t{0});
  way.link.queue_datagrams_max =
      pick(own.queue, both_.queue, std::uint64_t{way.link.queue_datagrams_max});
  way.link.header_bytes = ipv6 ? 48 : 28;

  const std::string name(to_string(direction));
  if (way.impairments.jitter > way.link.delay) {
    throw usage_error("--jitter", format_duration(way.impairments.jitter) + " is above the " +
                                      name + "'s delay of " + format_duration(way.link.delay) +
                                      ": cutting it off would change the mean; raise --delay");
  }
  if (fault_list_ && -fault_list_->extra_delay_min(direction) > way.link.delay) {
    throw usage_error("--faults", "a copy is earlier than the " + name + "'s delay of " +
                                      format_duration(way.link.delay) + " allows; raise --delay");
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
  }
  const std::string why =
      "fates would be left to chance, and --faults fixes them; leave one of them out";
  for (const Given* given : {&both_, &one_way_[0], &one_way_[1]}) {
    if (given->drop) throw usage_error("--drop", why);
    if (given->duplicate) throw usage_error("--duplicate", why);
    if (given->reorder) throw usage_error("--reorder", why);
    if (given->corrupt) throw usage_error("--corrupt", why);
    if (given->jitter) throw usage_error("--jitter", why);
  }
  if (seed_) throw usage_error("--seed", "nothing is random with --faults; leave one of them out");
}

void PathOptions::check_used() const {
  const auto check_one = [this](const char* name, auto setting) {
    if (both_.*setting && one_way_[0].*setting && one_way_[1].*setting) {
      throw usage_error(name, "each direction has its own; leave one of the three out");
    }
  };
  check_one("--drop", &Given::drop);
  check_one("--duplicate", &Given::duplicate);
  check_one("--reorder", &Given::reorder);
  check_one("--reorder-delay", &Given::reorder_delay);
  check_one("--corrupt", &Given::corrupt);
  check_one("--delay", &Given::delay);
  check_one("--jitter", &Given::jitter);
  check_one("--jitter-keeps-order", &Given::jitter_keeps_order);
  check_one("--rate", &Given::rate);
  check_one("--queue", &Given::queue);
}

void PathOptions::check_effect(const std::string& prefix, const Given& given,
                               std::initializer_list<Direction> directions) const {
  const auto any = [&](auto&& holds) {
    bool some = false;
    for (const Direction direction : directions) some = some || holds(way(direction));
    return some;
  };
  if (given.reorder_delay && fault_list_) {
    throw usage_error(prefix + "reorder-delay",
                      "with --faults each hold says its own time, as in uplink.3:hold+10ms");
  }
  if (given.reorder_delay &&
      !any([](const OneWay& w) { return !w.impairments.reorder.probability.is_zero(); })) {
    throw usage_error(prefix + "reorder-delay", "nothing is held back without " + prefix +
                                                    "reorder, as in " + prefix + "reorder=5%");
  }
  if (given.reorder_delay == Duration::zero()) {
    throw usage_error(prefix + "reorder-delay", "held back by nothing, a datagram is not passed");
  }
  if (given.jitter_keeps_order && !fault_list_ &&
      !any([](const OneWay& w) { return w.impairments.jitter > Duration::zero(); })) {
    throw usage_error(prefix + "jitter-keeps-order", "there is no jitter; add " + prefix +
                                                         "jitter, as in " + prefix + "jitter=2ms");
  }
  if (given.queue && !any([](const OneWay& w) { return w.link.rate.bits_per_second > 0; })) {
    throw usage_error(prefix + "queue", "nothing queues without a rate; add " + prefix +
                                            "rate, as in " + prefix + "rate=1mbit");
  }
}

Link PathOptions::make_link(Direction direction) const {
  const OneWay& options = way(direction);
  if (fault_list_) {
    return {options.link, std::make_unique<ListedFates>(*fault_list_, direction)};
  }
  return {options.link, std::make_unique<RandomFates>(options.impairments, seed(), direction)};
}

}  // namespace lossy
