#include <lossy/harness/sim/exploration.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <stdexcept>
#include <utility>

#include <lossy/harness/link/scan.hpp>
#include <lossy/harness/sim/host_addresses.hpp>
#include <lossy/harness/sim/property_check.hpp>

namespace lossy {
namespace {

constexpr std::array<std::string_view, kFaultKindCount> kFaultWords{
    "none", "drop", "duplicate", "late", "swap", "corrupt", "truncate"};

using Kind = NetworkOperation::Kind;

// A number for a sequence of numbers and bytes: FNV-1a, 64 bits wide.
class Digest {
 public:
  void add(std::uint64_t number) {
    for (int i = 0; i < 8; ++i) add_byte(static_cast<std::uint8_t>(number >> 8 * i));
  }
  void add(std::span<const std::byte> bytes) {
    add(bytes.size());
    for (const std::byte byte : bytes) add_byte(std::to_integer<std::uint8_t>(byte));
  }
  void add(std::string_view text) { add(std::as_bytes(std::span(text.data(), text.size()))); }
  void add(Instant time) { add(static_cast<std::uint64_t>(time.time_since_epoch().count())); }
  std::uint64_t value() const { return value_; }

 private:
  void add_byte(std::uint8_t byte) { value_ = (value_ ^ byte) * 0x100000001B3; }
  std::uint64_t value_ = 0xCBF29CE484222325;
};

// Everything that is sent.
class Watcher final : public Observer {
 public:
  void on_offered(Instant now, const Passage& passage, const Offer& offer) override {
    digest_.add(now);
    digest_.add(passage.path * 2 + static_cast<std::uint64_t>(passage.direction));
    digest_.add(offer.number);
    digest_.add(passage.payload);
  }
  std::uint64_t value() const { return digest_.value(); }

 private:
  Digest digest_;
};

std::uint64_t number_in(std::string_view text, std::string_view part) {
  try {
    return parse_whole(part, 1, UINT32_MAX);
  } catch (const TextError& error) {
    throw TextError(quote(text) + ": " + error.what());
  }
}

ChosenFault parse_one(std::string_view text) {
  const auto refuse = [&] {
    throw TextError(quote(text) +
                    " is no fault; it is written as uplink.2:drop or "
                    "flow2.downlink.1:late, with drop, duplicate, late, swap, "
                    "corrupt or truncate");
  };
  std::string_view rest = text;
  ChosenFault fault;
  if (rest.starts_with("flow")) {
    fault.path = number_in(text, take_part(rest, ".").substr(4)) - 1;
  }
  const std::string_view direction = take_part(rest, ".");
  if (direction != to_string(Direction::kUplink) && direction != to_string(Direction::kDownlink)) {
    refuse();
  }
  fault.direction =
      direction == to_string(Direction::kUplink) ? Direction::kUplink : Direction::kDownlink;
  fault.number = number_in(text, take_part(rest, ":"));
  const auto word = std::ranges::find(kFaultWords, rest);
  if (word == kFaultWords.end() || word == kFaultWords.begin()) refuse();
  fault.kind = static_cast<FaultKind>(word - kFaultWords.begin());
  return fault;
}

}  // namespace

std::string_view to_string(FaultKind kind) {
  return kFaultWords[static_cast<std::size_t>(kind)];
}

std::string format_fault(const ChosenFault& fault) {
  std::string text;
  if (fault.path > 0) text.append("flow").append(std::to_string(fault.path + 1)).append(".");
  text.append(to_string(fault.direction)).append(".").append(std::to_string(fault.number));
  return text.append(":").append(to_string(fault.kind));
}

std::string format_faults(const std::vector<ChosenFault>& faults) {
  std::string text;
  for (const ChosenFault& fault : faults) {
    if (!text.empty()) text += ',';
    text += format_fault(fault);
  }
  return text;
}

std::vector<ChosenFault> parse_chosen_faults(std::string_view text) {
  std::vector<ChosenFault> faults;
  while (!text.empty()) faults.push_back(parse_one(take_part(text, ",")));
  return faults;
}

// A run from its beginning, which asks what happens to each datagram that is sent.
class Exploration::OneRun {
 public:
  explicit OneRun(const Exploration& exploration)
      : run_(exploration.protocol_.make_run(exploration.plan_,
                                            [this](const RunEvent& event) {
                                              told_.add(event.subject);
                                              told_.add(event.predicate);
                                              told_.add(event.ended);
                                            })),
        check_(exploration.protocol_.properties, *run_),
        network_(*run_, exploration.addresses_) {
    network_.observe(check_);
    network_.observe(watcher_);
    network_.over_when([this] { return !check_.holds(network_.now()); });
  }

  // `choose` gives the kind of fault for a letter that has just set out.
  template <typename Choose>
  ExploredRun run(Choose&& choose) {
    ExploredRun result;
    network_.start();
    bool goes_on = true;
    for (std::size_t steps = 0; goes_on && steps < ControlledNetwork::kSettlesWithin; ++steps) {
      decide(choose, result.faults);
      goes_on = step();
    }
    result.comes_to_rest = !goes_on || network_.is_over();
    if (!goes_on && !network_.is_over()) check_.holds_at_rest(network_.now());
    result.broken = check_.broken();
    result.sent = network_.sent();
    result.content = watcher_.value();
    told_.add(network_.now());
    result.end = told_.value();
    return result;
  }

  std::vector<std::pair<std::string, bool>> reached() const { return check_.reached(); }
  // What was done, up to where a perfect network does the rest.
  std::vector<NetworkOperation> operations() const {
    std::vector<NetworkOperation> shorter;
    for (const NetworkOperation& one : std::span(operations_).first(needed_)) {
      if (one == NetworkOperation{Kind::kDeliver, 0}) {
        if (shorter.empty() || shorter.back().kind != Kind::kDeliverFirst) {
          shorter.push_back({Kind::kDeliverFirst, 0});
        }
        ++shorter.back().first;
      } else if (one.kind == Kind::kTimeout && !shorter.empty() &&
                 shorter.back().kind == Kind::kTimeout) {
        ++shorter.back().first;
      } else {
        shorter.push_back(one);
      }
    }
    return shorter;
  }

 private:
  using Letter = ControlledNetwork::Letter;

  // A letter that does not arrive in its turn.
  struct Held {
    std::uint64_t order = 0;
    std::size_t from = 0;
    std::size_t to = 0;
    bool is_late = false;               // Or swapped.
    std::size_t waits_for = 0;          // The host whose timeout it waits for,
    std::uint64_t timeouts_before = 0;  // which had so many.
  };

  template <typename Choose>
  void decide(Choose&& choose, std::vector<ChosenFault>& faults) {
    for (std::size_t place = 0; place < network_.letters().size(); ++place) {
      const Letter letter = network_.letters()[place];
      if (letter.order <= decided_) continue;
      decided_ = letter.order;
      const FaultKind kind = choose(letter);
      if (kind == FaultKind::kNone) continue;
      faults.push_back({ControlledNetwork::path_of(letter), ControlledNetwork::direction_of(letter),
                        letter.number, kind});
      befall(letter, place, kind);
      if (kind == FaultKind::kDrop) --place;
    }
  }

  void befall(const Letter& letter, std::size_t place, FaultKind kind) {
    const std::size_t last = letter.payload.empty() ? 0 : letter.payload.size() - 1;
    switch (kind) {
      case FaultKind::kDrop:
        return act({Kind::kDrop, place});
      case FaultKind::kDuplicate:
        return act({Kind::kDuplicate, place});
      case FaultKind::kCorrupt:
        return act({Kind::kFlip, place, 8 * last});
      case FaultKind::kTruncate:
        return act({Kind::kCut, place, last});
      case FaultKind::kLate:
      case FaultKind::kSwap: {
        const bool waits = network_.timeout_of(letter.to).has_value();
        const std::size_t host = waits ? letter.to : letter.from;
        held_.push_back({letter.order, letter.from, letter.to, kind == FaultKind::kLate, host,
                         network_.timeouts_of(host)});
        return;
      }
      case FaultKind::kNone:
        return;
    }
  }

  // Something that a perfect network does not do by itself.
  void act(const NetworkOperation& operation) {
    perform(operation, network_);
    operations_.push_back(operation);
    needed_ = operations_.size();
  }

  bool is_held(const Letter& letter) const {
    return letter.copy == 0 &&
           std::ranges::any_of(held_, [&](const Held& held) { return held.order == letter.order; });
  }

  // What happens next but for what is held. False when nothing is left.
  bool step() {
    if (network_.is_over()) return false;
    std::erase_if(held_, [this](const Held& held) {
      return held.is_late && network_.timeouts_of(held.waits_for) > held.timeouts_before;
    });
    const auto& letters = network_.letters();
    const auto first =
        std::ranges::find_if(letters, [this](const Letter& one) { return !is_held(one); });
    const auto timeout = network_.earliest_timeout();
    if (first != letters.end() &&
        (!timeout || network_.now() + ControlledNetwork::kHop <= *timeout)) {
      deliver(static_cast<std::size_t>(first - letters.begin()));
      return true;
    }
    if (timeout) {
      time_out();
      return true;
    }
    if (letters.empty()) return false;
    held_.clear();
    return step();
  }

  void deliver(std::size_t place) {
    const Letter& letter = network_.letters()[place];
    std::erase_if(held_, [&](const Held& held) {
      return !held.is_late && held.from == letter.from && held.to == letter.to &&
             held.order < letter.order;
    });
    note({Kind::kDeliver, place}, place != 0);
    network_.deliver(place);
  }

  void time_out() {
    note({Kind::kTimeout, 1}, !network_.letters().empty());
    network_.time_out();
  }

  void note(const NetworkOperation& operation, bool is_needed) {
    operations_.push_back(operation);
    if (is_needed) needed_ = operations_.size();
  }

  Digest told_;
  std::unique_ptr<ProtocolRun> run_;
  PropertyCheck check_;
  Watcher watcher_;
  ControlledNetwork network_;
  std::uint64_t decided_ = 0;
  std::vector<Held> held_;
  std::vector<NetworkOperation> operations_;
  std::size_t needed_ = 0;
};

Exploration::Exploration(const Protocol& protocol, RunPlan plan, Options options)
    : protocol_(protocol),
      plan_(std::move(plan)),
      addresses_(network_addresses(plan_, protocol.hosts(plan_))),
      options_(std::move(options)) {}

bool Exploration::next() {
  if (!has_next()) return false;
  // What was chosen of each datagram, in the order sent; all that is behind is left alone.
  const auto make = [&](OneRun& run, std::vector<std::uint8_t>& chosen) {
    chosen.clear();
    return run.run([&](const ControlledNetwork::Letter& letter) {
      const auto place = static_cast<std::size_t>(letter.order - 1);
      // Beyond the bound on what is on its way a datagram is lost without being asked about.
      chosen.resize(place + 1);
      chosen[place] = place < choices_.size() ? choices_[place] : std::uint8_t{0};
      return chosen[place] == 0 ? FaultKind::kNone : options_.kinds[chosen[place] - 1U];
    });
  };
  std::vector<std::uint8_t> chosen;
  OneRun run(*this);
  run_ = make(run, chosen);
  if (runs_ % kTwiceEach == 0) {
    std::vector<std::uint8_t> again_chosen;
    OneRun again(*this);
    const ExploredRun second = make(again, again_chosen);
    if (second.content != run_.content || second.end != run_.end || again_chosen != chosen) {
      throw std::runtime_error("the same run twice is another one, with the faults '" +
                               format_faults(run_.faults) + "': the protocol " + protocol_.name +
                               " depends on more than it is told");
    }
  }
  if (runs_++ == 0) datagrams_ = run_.sent;
  if (ends_.size() < kEndsMax) ends_.insert(run_.end);
  for (const auto& [name, is_reached] : run.reached()) {
    if (is_reached) reached_.insert(name);
  }
  if (!run_.holds()) {
    ++violations_;
    if (!least_ || run_.faults.size() < least_->faults.size()) least_ = run_;
  }
  // The last choice that can be raised is, and those behind it are forgotten.
  choices_ = std::move(chosen);
  std::size_t faults = run_.faults.size();
  while (!choices_.empty()) {
    std::uint8_t& last = choices_.back();
    const std::size_t before = faults - (last == 0 ? 0 : 1);
    if (last < options_.kinds.size() && before < options_.faults_max) {
      ++last;
      return true;
    }
    faults = before;
    choices_.pop_back();
  }
  return true;
}

std::vector<std::string> Exploration::never_reached() const {
  std::vector<std::string> names;
  for (const Property& property : protocol_.properties) {
    if (property.when == Property::When::kSometimes && !reached_.contains(property.name)) {
      names.push_back(property.name);
    }
  }
  return names;
}

NetworkScript Exploration::script_of(const std::vector<ChosenFault>& faults,
                                     ExploredRun& run) const {
  OneRun one(*this);
  run = one.run([&](const ControlledNetwork::Letter& letter) {
    const auto found = std::ranges::find_if(faults, [&](const ChosenFault& fault) {
      return fault.path == ControlledNetwork::path_of(letter) &&
             fault.direction == ControlledNetwork::direction_of(letter) &&
             fault.number == letter.number;
    });
    return found == faults.end() ? FaultKind::kNone : found->kind;
  });
  NetworkScript script{.settings = {}, .calls = plan_.calls, .operations = one.operations()};
  for (const Setting& setting : protocol_.settings) {
    const auto value = plan_.find(setting.name);
    if (value && value != setting.initial) script.settings[setting.name] = *value;
  }
  return script;
}

}  // namespace lossy
