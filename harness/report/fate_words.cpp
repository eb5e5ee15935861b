#include <lossy/harness/report/fate_words.hpp>

#include <fmt/format.h>

#include <lossy/core/counted.hpp>
#include <lossy/harness/link/text.hpp>
#include <lossy/harness/report/readable.hpp>

namespace lossy {

std::string words_of(const CopyFate& copy, Times times) {
  const auto text = [times](Duration time) {
    return times == Times::kReadable ? readable(time) : format_duration(time);
  };
  std::string notes;
  if (copy.held_back) {
    notes = "held back " + text(copy.extra_delay);
  } else if (copy.extra_delay > Duration::zero()) {
    notes = "late by " + text(copy.extra_delay);
  } else if (copy.extra_delay < Duration::zero()) {
    notes = "early by " + text(-copy.extra_delay);
  }
  for (const std::uint32_t bit : copy.flips()) {
    notes += fmt::format("{}bit {} flipped", notes.empty() ? "" : ", ", bit);
  }
  if (copy.kept_bytes != CopyFate::kWhole) {
    notes +=
        fmt::format("{}cut to {}", notes.empty() ? "" : ", ", counted(copy.kept_bytes, "byte"));
  }
  return notes;
}

std::string words_of(const Offer& offer, Times times) {
  if (offer.copies_in_flight == 0) return "lost: " + std::string(to_string(offer.loss));
  const std::span<const CopyFate> copies = offer.fate->copies();
  if (copies.size() == 1) return words_of(copies[0], times);
  std::string each;
  bool remarkable = false;
  for (const CopyFate& copy : copies) {
    const std::string note = words_of(copy, times);
    remarkable = remarkable || !note.empty();
    each += (each.empty() ? "" : "; ") + (note.empty() ? "on time" : note);
  }
  std::string notes = fmt::format("{} copies", copies.size());
  if (remarkable) notes += ": " + each;
  if (offer.copies_in_flight < copies.size()) {
    notes +=
        fmt::format(", {} lost: {}", copies.size() - offer.copies_in_flight, to_string(offer.loss));
  }
  return notes;
}

std::size_t FateWords::HashKey::operator()(const Key& key) const {
  return (key.number * 31 + key.path) * 2 + static_cast<std::size_t>(key.direction);
}

std::string FateWords::offered(const Passage& passage, const Offer& offer) {
  std::string words = words_of(offer, Times::kReadable);
  if (words.empty() || offer.copies_in_flight == 0 || copies_.size() == kKeptMax) return words;
  Copies& copies = copies_[{passage.path, passage.direction, offer.number}];
  for (const CopyFate& copy : offer.fate->copies()) {
    copies.words.push_back(words_of(copy, Times::kReadable));
  }
  copies.in_flight = offer.copies_in_flight;
  return words;
}

std::string FateWords::delivered(const Passage& passage, const Delivery& delivery) {
  std::string words;
  const auto add = [&](const std::string& more) {
    if (!more.empty()) words += (words.empty() ? "" : ", ") + more;
  };
  const auto known = copies_.find({passage.path, passage.direction, delivery.number});
  const bool is_one_of_many =
      delivery.copy > 0 || (known != copies_.end() && known->second.words.size() > 1);
  if (is_one_of_many) add(fmt::format("copy {}", delivery.copy + 1));
  if (!is_one_of_many && !delivery.first_arrival) add("a duplicate");
  if (known != copies_.end()) {
    add(known->second.words.at(delivery.copy));
    if (--known->second.in_flight == 0) copies_.erase(known);
  } else {
    if (delivery.held_back) add("held back");
    if (delivery.corrupted) add("corrupted");
    if (delivery.truncated) add("truncated");
  }
  if (delivery.reordered) add("reordered: a later one came first");
  return words;
}

}  // namespace lossy
