#include <lossy/harness/link/fault_list.hpp>

#include <algorithm>
#include <limits>
#include <optional>
#include <span>

#include <lossy/harness/link/scan.hpp>

namespace lossy {
namespace {

// Reads what follows a copy's word: a time, bits and what is left.
void parse_modifiers(std::string_view rest, CopyFate& copy) {
  if (rest.starts_with('+') || rest.starts_with('-')) {
    const bool negative = rest.front() == '-';
    rest.remove_prefix(1);
    const Duration time = parse_duration(take_until(rest, "^="));
    copy.extra_delay = negative ? -time : time;
  }
  while (rest.starts_with('^')) {
    rest.remove_prefix(1);
    if (copy.flips_count == CopyFate::kFlipsMax) {
      throw TextError("a copy has at most " + std::to_string(CopyFate::kFlipsMax) +
                      " flipped bits");
    }
    const auto bit = static_cast<std::uint32_t>(
        parse_whole(take_until(rest, "^="), 0, std::numeric_limits<std::uint32_t>::max()));
    const auto flips = copy.flips();
    if (std::find(flips.begin(), flips.end(), bit) != flips.end()) {
      throw TextError("bit " + std::to_string(bit) + " is flipped twice, which changes nothing");
    }
    copy.flipped_bits[copy.flips_count++] = bit;
  }
  if (!rest.empty()) {
    copy.kept_bytes =
        static_cast<std::uint32_t>(parse_whole(rest.substr(1), 0, CopyFate::kWhole - 1));
  }
}

// The losses that a list may ask for; the others come from the link's options.
std::optional<LossReason> loss_named(std::string_view word) {
  for (const LossReason reason : {LossReason::kDrop, LossReason::kChecksum}) {
    if (word == to_string(reason)) return reason;
  }
  return std::nullopt;
}

void parse_copy(std::string_view text, Fate& fate) {
  std::string_view rest = text;
  const std::string_view word = take_until(rest, "+-^=");
  const bool duplicate = word == "duplicate";
  const bool held_back = word == "hold" || word == "reorder";
  const bool early = word == "early";
  if (!duplicate && !held_back && !early && word != "deliver" && word != "delay" &&
      word != "corrupt" && word != "truncate") {
    if (loss_named(word)) {
      throw TextError("what is lost has no time, bits or copies");
    }
    throw TextError(quote(word) +
                    " is not a fate; there are drop, checksum, deliver, delay, corrupt, truncate, "
                    "hold, early and duplicate");
  }
  if (fate.copies_count + (duplicate ? 2 : 1) > Fate::kCopiesMax) {
    throw TextError("a datagram has at most " + std::to_string(Fate::kCopiesMax) + " copies");
  }
  if (duplicate) fate.copy[fate.copies_count++] = CopyFate{};
  CopyFate& copy = fate.copy[fate.copies_count++] = CopyFate{};
  copy.held_back = held_back;
  copy.early = early;
  parse_modifiers(rest, copy);
  if ((held_back || early) && !rest.starts_with('+') && !rest.starts_with('-')) {
    throw TextError(quote(word) + " needs a time, as in " + std::string(word) +
                    (early ? "-10ms" : "+10ms"));
  }
  if (word == "delay" && copy.extra_delay == Duration::zero()) {
    throw TextError("\"delay\" needs a time, as in delay+10ms");
  }
  if (word == "corrupt" && copy.flips_count == 0) {
    throw TextError("\"corrupt\" needs a bit, as in corrupt^0");
  }
  if (word == "truncate" && copy.kept_bytes == CopyFate::kWhole) {
    throw TextError("\"truncate\" needs the number of bytes that are left, as in truncate=10");
  }
}

Fate parse_fate(std::string_view text) {
  Fate fate;
  fate.copies_count = 0;
  if (const auto loss = loss_named(text)) {
    fate.loss = *loss;
    return fate;
  }
  for (;;) {
    parse_copy(take_until(text, "/"), fate);
    if (text.empty()) return fate;
    text.remove_prefix(1);
  }
}

Direction parse_direction(std::string_view text) {
  if (text == "uplink") return Direction::kUplink;
  if (text == "downlink") return Direction::kDownlink;
  throw TextError("a fault starts with uplink. or downlink. and a number, as in uplink.3:drop");
}

// Takes "flow2." off the front, when it stands there.
std::uint64_t take_flow(std::string_view& text) {
  constexpr std::string_view kWord = "flow";
  if (!text.starts_with(kWord)) return 1;
  text.remove_prefix(kWord.size());
  return parse_whole(take_part(text, "."), 1, std::numeric_limits<std::uint64_t>::max());
}

// "uplink.3", or "flow2.uplink.3".
std::string address_of(Direction direction, std::uint64_t number, std::uint64_t flow) {
  return (flow == 1 ? "" : "flow" + std::to_string(flow) + '.') +
         std::string(to_string(direction)) + '.' + std::to_string(number);
}

void append_copy(std::string& text, const CopyFate& copy) {
  text += copy.held_back ? "hold" : copy.early ? "early" : "deliver";
  if (copy.held_back || copy.early || copy.extra_delay != Duration::zero()) {
    if (copy.extra_delay >= Duration::zero()) text += '+';
    text += format_duration(copy.extra_delay);
  }
  for (const std::uint32_t bit : copy.flips()) text += '^' + std::to_string(bit);
  if (copy.kept_bytes != CopyFate::kWhole) text += '=' + std::to_string(copy.kept_bytes);
}

}  // namespace

FaultList FaultList::parse(std::string_view text) {
  FaultList list;
  while (!text.empty()) {
    std::string_view line = take_part(text, "\n");
    line = line.substr(0, line.find('#'));
    while (!line.empty()) {
      const std::string_view fault = trimmed(take_part(line, ","));
      if (!fault.empty()) list.add(fault);
    }
  }
  for (OneWay& way : list.ways_) {
    const auto place = [](const Fault& fault) { return std::pair(fault.flow, fault.number); };
    std::sort(way.faults.begin(), way.faults.end(),
              [&](const Fault& a, const Fault& b) { return place(a) < place(b); });
    const auto twice =
        std::adjacent_find(way.faults.begin(), way.faults.end(),
                           [&](const Fault& a, const Fault& b) { return place(a) == place(b); });
    if (twice != way.faults.end()) {
      const auto direction = static_cast<Direction>(&way - list.ways_.data());
      throw TextError(address_of(direction, twice->number, twice->flow) + " stands there twice");
    }
  }
  return list;
}

void FaultList::add(std::string_view text) {
  try {
    std::string_view rest = text;
    const std::uint64_t flow = take_flow(rest);
    OneWay& way = ways_[static_cast<std::size_t>(parse_direction(take_part(rest, ".")))];
    const std::uint64_t number =
        parse_whole(take_until(rest, ":"), 1, std::numeric_limits<std::uint64_t>::max());
    if (rest.empty()) throw TextError("its fate is missing, as in uplink.3:drop");
    const Fate fate = parse_fate(rest.substr(1));
    if (way.faults.size() == kFaultsMax) {
      throw TextError("there are more than " + std::to_string(kFaultsMax) + " faults");
    }
    way.faults.push_back({flow, number, static_cast<std::uint32_t>(way.copies.size()),
                          static_cast<std::uint8_t>(fate.copies_count), fate.loss});
    way.copies.insert(way.copies.end(), fate.copies().begin(), fate.copies().end());
  } catch (const TextError& error) {
    throw TextError("in " + quote(text) + ": " + error.what());
  }
}

Fate FaultList::fate(Direction direction, std::size_t i) const {
  const OneWay& way = of(direction);
  Fate fate;
  fate.copies_count = way.faults[i].copies_count;
  fate.loss = way.faults[i].loss;
  std::copy_n(way.copies.data() + way.faults[i].first_copy, fate.copies_count, fate.copy.begin());
  return fate;
}

std::pair<std::size_t, std::size_t> FaultList::range(Direction direction,
                                                     std::uint64_t flow) const {
  const std::vector<Fault>& faults = of(direction).faults;
  const auto first = std::partition_point(faults.begin(), faults.end(),
                                          [flow](const Fault& fault) { return fault.flow < flow; });
  const auto last = std::partition_point(first, faults.end(),
                                         [flow](const Fault& fault) { return fault.flow == flow; });
  return {static_cast<std::size_t>(first - faults.begin()),
          static_cast<std::size_t>(last - faults.begin())};
}

std::size_t FaultList::count_beyond(Direction direction, std::uint64_t offered,
                                    std::uint64_t flow) const {
  const auto [first, last] = range(direction, flow);
  const std::span found = std::span(of(direction).faults).subspan(first, last - first);
  const auto beyond =
      std::partition_point(found.begin(), found.end(),
                           [offered](const Fault& fault) { return fault.number <= offered; });
  return static_cast<std::size_t>(found.end() - beyond);
}

std::uint64_t FaultList::last_flow() const {
  std::uint64_t last = 0;
  for (const OneWay& way : ways_) {
    if (!way.faults.empty()) last = std::max(last, way.faults.back().flow);
  }
  return last;
}

Duration FaultList::extra_delay_min(Direction direction) const {
  Duration least = Duration::zero();
  for (const CopyFate& copy : of(direction).copies) least = std::min(least, copy.extra_delay);
  return least;
}

std::string format_fault(Direction direction, std::uint64_t number, const Fate& fate,
                         std::uint64_t flow) {
  std::string text = address_of(direction, number, flow) + ':';
  if (fate.lost()) return text += to_string(fate.loss);
  for (const CopyFate& copy : fate.copies()) {
    if (text.back() != ':') text += '/';
    append_copy(text, copy);
  }
  return text;
}

const Fate& ListedFates::decide(Instant, std::uint64_t number, std::size_t) {
  while (next_ < end_ && list_.number(direction_, next_) < number) ++next_;
  if (next_ < end_ && list_.number(direction_, next_) == number) {
    fate_ = list_.fate(direction_, next_++);
  } else {
    fate_.copies_count = 1;
    fate_.copy[0] = CopyFate{};
  }
  return fate_;
}

}  // namespace lossy
