#include <lossy/harness/link/netem.hpp>

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <optional>
#include <span>
#include <system_error>

#include <lossy/harness/link/netem_units.hpp>
#include <lossy/harness/link/scan.hpp>

namespace lossy {
namespace {

// A piece of the text, and where it stands in the whole of it.
struct Word {
  std::string_view text;
  std::size_t offset = 0;

  std::size_t end() const { return offset + text.size(); }
};

NetemError refuse(const Word& word, const std::string& why) {
  return NetemError(why, word.offset, word.text.size());
}

Word trimmed(const Word& word) {
  const std::string_view text = lossy::trimmed(word.text);
  return {text, word.offset + static_cast<std::size_t>(text.data() - word.text.data())};
}

// Takes what stands before the first `end` off the front of `rest`, and the `end` with it.
Word take_part(Word& rest, std::string_view end) {
  const std::size_t size = rest.text.size();
  const Word taken{lossy::take_part(rest.text, end), rest.offset};
  rest.offset += size - rest.text.size();
  return taken;
}

// Reads a word; what cannot be read is refused at the word.
template <typename Read>
auto read_at(const Word& word, Read&& read) {
  try {
    return read(word.text);
  } catch (const TextError& error) {
    throw refuse(word, error.what());
  } catch (const std::system_error& error) {
    throw refuse(word, error.what());
  }
}

Probability complement(Probability probability) {
  return Probability::ratio(Probability::kOne - probability.threshold(), Probability::kOne);
}

// The words of one line, one after the other.
class Words {
 public:
  explicit Words(Word line) : line_(trimmed(line)), rest_(line_) {}

  bool done() const { return rest_.text.empty(); }

  // The next word, or nothing at all at the end.
  Word peek() const {
    const auto end = std::find_if(rest_.text.begin(), rest_.text.end(), is_space);
    return {rest_.text.substr(0, static_cast<std::size_t>(end - rest_.text.begin())), rest_.offset};
  }

  Word take() {
    const Word word = peek();
    rest_ = trimmed({rest_.text.substr(word.text.size()), word.end()});
    return word;
  }

  // What must follow `key`, such as "a time".
  Word take_value(const Word& key, std::string_view what) {
    if (!done()) return take();
    throw NetemError(quote(key.text) + " is the last word, and needs " + std::string(what),
                     line_.end(), 0);
  }

  // tc's way to tell whether what may follow does.
  bool number_follows() const { return !done() && is_digit(rest_.text.front()); }
  bool signed_number_follows() const {
    return number_follows() || (!done() && rest_.text.front() == '-');
  }

 private:
  Word line_;
  Word rest_;
};

class LineParser {
 public:
  enum class Part { kWhole, kPhase };

  LineParser(Word line, Part part, const TableFiles& files)
      : words_(line), part_(part), files_(files) {}

  LinkSettings parse();

 private:
  struct Keyword {
    std::string_view name;
    void (LineParser::*parse)();
  };
  // In the order in which tc tries them: an abbreviation means the first that it fits.
  static const std::array<Keyword, 13> kWordsOfTc;
  static const std::array<Keyword, 10> kWordsOfOurs;

  void skip_command();

  void parse_limit();
  void parse_delay();
  void parse_loss();
  void parse_ecn();
  void parse_reorder();
  void parse_corrupt();
  void parse_gap();
  void parse_duplicate();
  void parse_distribution();
  void parse_rate();
  void parse_slot();

  void parse_seed();
  void parse_flip();
  void parse_truncate();
  void parse_hold();
  void parse_keep_order();
  void parse_trace();
  void parse_queue();
  void parse_queue_bytes();
  void parse_mtu();
  void parse_outage();

  void parse_slot_interval(Slots& slots);
  void parse_slot_distribution(Slots& slots);
  LossModel loss_model();
  FourStateLoss state_loss();
  GilbertElliott gemodel_loss();
  void finish();

  Probability percent(std::string_view what = "a percentage");
  Chance chance(const std::optional<Chance>& before);
  void percent_if_there(bool& goes_on, Probability& value);
  std::uint64_t whole(std::string_view what, std::uint64_t min, std::uint64_t max);
  std::uint64_t size(std::string_view what, std::uint64_t max);
  std::shared_ptr<const DelayTable> table(const Word& name);
  void only_for_the_whole() const;

  Words words_;
  Part part_;
  const TableFiles& files_;
  LinkSettings settings_{};
  Word key_{};  // The keyword that is being read.
  Word reorder_{};
  Word gap_word_{};
  std::uint32_t gap_ = 0;
  Word distribution_{};
};

constexpr std::uint64_t kUint32Max = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t kUint64Max = std::numeric_limits<std::uint64_t>::max();
constexpr std::int64_t kInt32Min = std::numeric_limits<std::int32_t>::min();
constexpr std::int64_t kInt32Max = std::numeric_limits<std::int32_t>::max();

constexpr std::array<LineParser::Keyword, 13> LineParser::kWordsOfTc{
    {{"limit", &LineParser::parse_limit},
     {"latency", &LineParser::parse_delay},
     {"delay", &LineParser::parse_delay},
     {"loss", &LineParser::parse_loss},
     {"drop", &LineParser::parse_loss},
     {"ecn", &LineParser::parse_ecn},
     {"reorder", &LineParser::parse_reorder},
     {"corrupt", &LineParser::parse_corrupt},
     {"gap", &LineParser::parse_gap},
     {"duplicate", &LineParser::parse_duplicate},
     {"distribution", &LineParser::parse_distribution},
     {"rate", &LineParser::parse_rate},
     {"slot", &LineParser::parse_slot}}};

constexpr std::array<LineParser::Keyword, 10> LineParser::kWordsOfOurs{
    {{"seed", &LineParser::parse_seed},
     {"flip", &LineParser::parse_flip},
     {"truncate", &LineParser::parse_truncate},
     {"hold", &LineParser::parse_hold},
     {"keep-order", &LineParser::parse_keep_order},
     {"trace", &LineParser::parse_trace},
     {"queue", &LineParser::parse_queue},
     {"queue-bytes", &LineParser::parse_queue_bytes},
     {"mtu", &LineParser::parse_mtu},
     {"outage", &LineParser::parse_outage}}};

// What stands around netem's own words where a whole line was pasted: a command, "sudo tc qdisc add
// dev eth0 root netem delay 20ms", or what `tc qdisc show` prints, "qdisc netem 8001: dev eth0 root
// refcnt 2 limit 1000 delay 20ms".
void LineParser::skip_command() {
  const Words whole = words_;
  Word word = words_.peek();
  while (word.text == "sudo" || word.text == "$" || word.text == "#" || word.text == "tc" ||
         word.text.ends_with("/tc")) {
    words_.take();
    word = words_.peek();
  }
  if (word.text != "qdisc" && word.text != "netem") {
    words_ = whole;
    return;
  }
  for (; !words_.done() && words_.peek().text != "netem"; words_.take()) {
    if (words_.peek().text.starts_with("del")) {
      throw refuse(words_.peek(), "this line of tc's takes a network away");
    }
  }
  if (words_.done()) throw refuse(word, "this line of tc's is of no netem");
  words_.take();
  if (words_.peek().text.ends_with(':')) words_.take();
  for (const std::string_view key : {"dev", "parent", "root", "refcnt"}) {
    if (words_.peek().text != key) continue;
    const Word taken = words_.take();
    if (key != "root") words_.take_value(taken, "a value");
  }
}

LinkSettings LineParser::parse() {
  if (part_ == Part::kWhole) skip_command();
  while (!words_.done()) {
    key_ = words_.take();
    const auto of_tc =
        std::find_if(kWordsOfTc.begin(), kWordsOfTc.end(),
                     [this](const Keyword& word) { return word.name.starts_with(key_.text); });
    const auto of_ours =
        std::find_if(kWordsOfOurs.begin(), kWordsOfOurs.end(),
                     [this](const Keyword& word) { return word.name == key_.text; });
    if (of_tc != kWordsOfTc.end()) {
      (this->*of_tc->parse)();
    } else if (of_ours != kWordsOfOurs.end()) {
      (this->*of_ours->parse)();
    } else {
      throw refuse(key_, quote(key_.text) + " is not a word of netem");
    }
  }
  finish();
  return std::move(settings_);
}

// What can only be judged once the whole line is known, since words come in any order.
void LineParser::finish() {
  const bool delays = settings_.delay && *settings_.delay > Duration::zero();
  if (settings_.early && !settings_.early->chance.probability.is_zero()) {
    if (!delays) throw refuse(reorder_, quote(reorder_.text) + " needs a delay to go without");
    settings_.early->gap = std::max<std::uint64_t>(gap_, 1);
  } else if (gap_ > 0) {
    throw refuse(gap_word_, quote(gap_word_.text) + " needs a reorder that it is the gap of");
  }
  if (settings_.distribution && !(delays && *settings_.jitter > Duration::zero())) {
    throw refuse(distribution_,
                 quote(distribution_.text) + " needs a delay and its jitter, as in delay 20ms 5ms");
  }
  if (settings_.delay && !settings_.distribution) settings_.distribution.emplace();
  if (settings_.slots) {
    Slots& slots = *settings_.slots;
    slots.enabled = slots.table || slots.interval_max > Duration::zero();
    if (!slots.enabled) slots = {};
    if (slots.table) slots.interval_min = slots.interval_max = Duration::zero();
  }
}

Probability LineParser::percent(std::string_view what) {
  return read_at(words_.take_value(key_, what), parse_tc_percent);
}

// A percentage and perhaps a correlation, which stays as it was `before` when none is there.
Chance LineParser::chance(const std::optional<Chance>& before) {
  Chance result = before.value_or(Chance{});
  result.probability = percent();
  if (words_.number_follows()) result.correlation = percent();
  return result;
}

std::uint64_t LineParser::whole(std::string_view what, std::uint64_t min, std::uint64_t max) {
  return read_at(words_.take_value(key_, what),
                 [=](std::string_view text) { return parse_whole(text, min, max); });
}

std::uint64_t LineParser::size(std::string_view what, std::uint64_t max) {
  return read_at(words_.take_value(key_, what),
                 [=](std::string_view text) { return parse_tc_size(text, max); });
}

std::shared_ptr<const DelayTable> LineParser::table(const Word& name) {
  return read_at(name, [&](std::string_view text) {
    if (auto built_in = DelayTable::built_in(text)) return built_in;
    if (!files_.distribution) throw TextError(quote(text) + " is not a distribution known here");
    std::string named(text);
    const std::string content = files_.distribution(named);
    return DelayTable::parse(content, std::move(named));
  });
}

void LineParser::only_for_the_whole() const {
  if (part_ == Part::kWhole) return;
  throw refuse(key_, quote(key_.text) + " is for the whole time, and not for a part of it");
}

void LineParser::parse_limit() {
  settings_.in_flight = size("a number of packets", kUint32Max);
}

void LineParser::parse_delay() {
  settings_.delay = read_at(words_.take_value(key_, "a time"), parse_tc_time);
  if (!settings_.jitter) settings_.jitter.emplace();
  if (!settings_.jitter_correlation) settings_.jitter_correlation.emplace();
  if (!words_.number_follows()) return;
  settings_.jitter = read_at(words_.take(), parse_tc_time);
  if (words_.number_follows()) settings_.jitter_correlation = percent();
}

void LineParser::parse_loss() {
  const RandomLoss* before = settings_.loss ? std::get_if<RandomLoss>(&*settings_.loss) : nullptr;
  if (settings_.loss && (before == nullptr || !before->chance.probability.is_zero())) {
    throw refuse(key_, quote(key_.text) + " is there twice");
  }
  if (!words_.number_follows()) {
    key_ = words_.take_value(key_, "a percentage");
    if (key_.text != "random") {
      settings_.loss = loss_model();
      return;
    }
  }
  settings_.loss = RandomLoss{chance(before ? before->chance : Chance{})};
}

LossModel LineParser::loss_model() {
  if (key_.text == "state") return state_loss();
  if (key_.text == "gemodel") return gemodel_loss();
  if (key_.text == "every") return EveryNthLoss{whole("a number", 1, kUint64Max)};
  throw refuse(key_, quote(key_.text) +
                         " is not a loss: write a percentage, random, state, gemodel or every");
}

void LineParser::percent_if_there(bool& goes_on, Probability& value) {
  goes_on = goes_on && words_.number_follows();
  if (goes_on) value = percent();
}

FourStateLoss LineParser::state_loss() {
  FourStateLoss loss{.p13 = percent(), .p23 = Probability::ratio(1, 1)};
  loss.p31 = complement(loss.p13);
  bool goes_on = true;
  for (Probability* value : {&loss.p31, &loss.p32, &loss.p23, &loss.p14}) {
    percent_if_there(goes_on, *value);
  }
  return loss;
}

GilbertElliott LineParser::gemodel_loss() {
  GilbertElliott loss{.to_bad = percent()};
  loss.to_good = complement(loss.to_bad);
  bool goes_on = true;
  for (Probability* value : {&loss.to_good, &loss.loss_in_bad, &loss.loss_in_good}) {
    percent_if_there(goes_on, *value);
  }
  return loss;
}

void LineParser::parse_ecn() {
  throw refuse(key_, quote(key_.text) +
                         " marks packets instead of losing them, which cannot mean anything to the "
                         "payloads of UDP");
}

void LineParser::parse_reorder() {
  reorder_ = key_;
  if (!settings_.early) settings_.early.emplace();
  settings_.early->chance = chance(settings_.early->chance);
}

void LineParser::parse_corrupt() {
  settings_.checksum = chance(settings_.checksum);
}

void LineParser::parse_gap() {
  gap_word_ = key_;
  gap_ = read_at(words_.take_value(key_, "a number of packets"), [](std::string_view text) {
    return static_cast<std::uint32_t>(parse_tc_whole(text, 0, kUint32Max));
  });
}

void LineParser::parse_duplicate() {
  settings_.duplicate = chance(settings_.duplicate);
}

void LineParser::parse_distribution() {
  distribution_ = key_;
  const Word name = words_.take_value(key_, "a name, as in distribution normal");
  settings_.distribution = name.text == "uniform" ? nullptr : table(name);
}

void LineParser::parse_rate() {
  const auto bytes = [this](std::int64_t min, std::int64_t max) {
    return read_at(words_.take(),
                   [=](std::string_view text) { return parse_tc_whole(text, min, max); });
  };
  if (settings_.trace && *settings_.trace) throw refuse(key_, "a trace is there, in rate's place");
  if (!settings_.rate) settings_.rate.emplace();
  RateLimit& rate = *settings_.rate;
  rate.bits_per_second = read_at(words_.take_value(key_, "a rate"), parse_tc_rate);
  if (words_.signed_number_follows()) {
    rate.packet_overhead_bytes = static_cast<std::int32_t>(bytes(kInt32Min, kInt32Max));
  }
  if (words_.number_follows()) {
    rate.cell_bytes = static_cast<std::uint32_t>(bytes(0, kUint32Max));
  }
  if (words_.signed_number_follows()) {
    rate.cell_overhead_bytes = static_cast<std::int32_t>(bytes(kInt32Min, kInt32Max));
  }
  settings_.trace.emplace();
}

void LineParser::parse_slot() {
  if (!settings_.slots) settings_.slots.emplace();
  Slots& slots = *settings_.slots;
  if (words_.number_follows()) {
    parse_slot_interval(slots);
  } else {
    parse_slot_distribution(slots);
  }
  const auto bound_follows = [this](std::string_view name) {
    if (words_.done() || !name.starts_with(words_.peek().text)) return false;
    key_ = words_.take();
    return true;
  };
  if (bound_follows("packets")) {
    slots.datagrams_max = read_at(words_.take_value(key_, "a number"), [](std::string_view text) {
      return static_cast<std::uint64_t>(parse_tc_whole(text, 0, kInt32Max));
    });
  }
  if (bound_follows("bytes")) slots.bytes_max = size("a size", kUint32Max);
}

void LineParser::parse_slot_interval(Slots& slots) {
  slots.interval_min = read_at(words_.take(), parse_tc_slot_time);
  slots.interval_max = slots.interval_min;
  if (!words_.number_follows()) return;
  const Word max = words_.take();
  slots.interval_max = read_at(max, parse_tc_slot_time);
  if (slots.interval_max < slots.interval_min) {
    throw refuse(max, quote(max.text) + " is less than the minimum in front of it");
  }
}

void LineParser::parse_slot_distribution(Slots& slots) {
  const Word word = words_.take_value(key_, "a time");
  if (word.text != "distribution") {
    throw refuse(word, quote(word.text) + " is not a slot: write a time or distribution");
  }
  const Word name = words_.take_value(word, "a name, as in distribution normal");
  if (name.text == "uniform") {
    throw refuse(name, quote(name.text) + " needs no distribution: write slot MIN MAX");
  }
  slots.table = table(name);
  slots.table_delay = read_at(words_.take_value(name, "a delay"), parse_tc_slot_time);
  const Word jitter = words_.take_value(name, "a jitter");
  slots.table_jitter = read_at(jitter, parse_tc_slot_time);
  if (slots.table_jitter == Duration::zero()) {
    throw refuse(jitter,
                 quote(jitter.text) + " is no jitter: without one there is no distribution");
  }
}

void LineParser::parse_seed() {
  only_for_the_whole();
  settings_.seed = whole("a number", 0, kUint64Max);
}

void LineParser::parse_flip() {
  settings_.corrupt = chance(settings_.corrupt);
  if (!settings_.corrupt_bits) settings_.corrupt_bits = 1;
  if (words_.peek().text != "bits") return;
  key_ = words_.take();
  settings_.corrupt_bits = whole("a number", 1, CopyFate::kFlipsMax);
}

void LineParser::parse_truncate() {
  settings_.truncate = chance(settings_.truncate);
}

void LineParser::parse_hold() {
  Chance held = settings_.reorder.value_or(Chance{});
  held.probability = percent();
  settings_.reorder_delay = read_at(words_.take_value(key_, "a time"), [](std::string_view text) {
    const Duration time = parse_tc_time(text);
    if (time > Duration::zero()) return time;
    throw TextError(quote(text) + " holds nothing back: it must be at least 0.001us");
  });
  if (words_.number_follows()) held.correlation = percent();
  settings_.reorder = held;
}

void LineParser::parse_keep_order() {
  settings_.keeps_order = words_.peek().text != "off";
  if (!*settings_.keeps_order) words_.take();
}

void LineParser::parse_trace() {
  const Word name = words_.take_value(key_, "a file");
  if (settings_.rate && *settings_.rate != RateLimit{}) {
    throw refuse(key_, "a rate is there, in trace's place");
  }
  settings_.trace = read_at(name, [this](std::string_view text) {
    if (!files_.trace) throw TextError(quote(text) + " cannot be read here");
    std::string named(text);
    const std::string content = files_.trace(named);
    return DeliveryTrace::parse(content, std::move(named));
  });
  settings_.rate.emplace();
}

void LineParser::parse_queue() {
  settings_.queue_datagrams = whole("a number of packets", 0, kUint64Max);
}

void LineParser::parse_queue_bytes() {
  settings_.queue_bytes = size("a size", kUint64Max);
}

void LineParser::parse_mtu() {
  settings_.mtu_bytes = size("a size", kUint64Max);
}

void LineParser::parse_outage() {
  only_for_the_whole();
  if (!settings_.outages) settings_.outages.emplace();
  read_at(words_.take_value(key_, "two times, as in 2s..3s"),
          [this](std::string_view text) { add_outage(text, *settings_.outages); });
}

}  // namespace

LinkSettings parse_netem(std::string_view line, const TableFiles& files) {
  return LineParser({line, 0}, LineParser::Part::kWhole, files).parse();
}

std::vector<std::pair<Instant, LinkSettings>> parse_timeline(std::string_view text,
                                                             const TableFiles& files) {
  std::vector<std::pair<Instant, LinkSettings>> phases;
  Word rest{text, 0};
  bool more = true;
  while (more) {
    more = rest.text.find(';') != std::string_view::npos;
    Word line = take_part(rest, ";");
    const Word whole = trimmed(line);
    if (line.text.find(':') == std::string_view::npos) {
      throw refuse(whole, "write a time, a colon and a netem line, as in 5s: loss 1%");
    }
    const Word time = trimmed(take_part(line, ":"));
    const Instant start{read_at(time, parse_duration)};
    if (!phases.empty() && start <= phases.back().first) {
      throw refuse(time, quote(time.text) + " is not after the time in front of it");
    }
    phases.emplace_back(start, LineParser(line, LineParser::Part::kPhase, files).parse());
  }
  return phases;
}

Outage parse_outage(std::string_view text) {
  constexpr std::string_view kBetween = "..";
  const std::size_t between = text.find(kBetween);
  if (between == std::string_view::npos) {
    throw TextError(quote(text) + " is not an outage: write it as in 2s..3s");
  }
  if (between == 0 || between + kBetween.size() == text.size()) {
    throw TextError(quote(text) +
                    " is not an outage: it must have a start and an end, as in 2s..3s");
  }
  const Outage outage{.start = Instant(parse_duration(text.substr(0, between))),
                      .end = Instant(parse_duration(text.substr(between + kBetween.size())))};
  if (outage.start >= outage.end) {
    throw TextError(quote(text) + " is not an outage: it must end after it starts");
  }
  return outage;
}

void add_outage(std::string_view text, std::vector<Outage>& outages) {
  const Outage outage = parse_outage(text);
  const auto next = std::partition_point(outages.begin(), outages.end(), [&](const Outage& other) {
    return other.start <= outage.start;
  });
  if ((next != outages.end() && next->start < outage.end) ||
      (next != outages.begin() && std::prev(next)->end > outage.start)) {
    throw TextError(quote(text) + " overlaps another outage");
  }
  outages.insert(next, outage);
}

}  // namespace lossy
