#include <lossy/harness/report/ladder.hpp>

#include <fmt/format.h>

#include <lossy/core/counted.hpp>
#include <lossy/core/escape.hpp>
#include <lossy/harness/link/text.hpp>
#include <lossy/harness/report/fate_words.hpp>

namespace lossy {
namespace {

// A line stays one, however long the datagram is.
std::string double_quoted(std::span<const std::byte> payload) {
  constexpr std::size_t kBytesShown = 80;
  if (payload.size() <= kBytesShown) return '"' + escape_bytes(payload) + '"';
  return fmt::format("\"{}\"... of {} bytes", escape_bytes(payload.first(kBytesShown)),
                     payload.size());
}

}  // namespace

void Ladder::on_offered(Instant now, const Passage& passage, const Offer& offer) {
  const bool up = passage.direction == Direction::kUplink;
  const bool lost = offer.copies_in_flight == 0;
  const char* const picture = up ? (lost ? "|-----x         |" : "|----->         |")
                                 : (lost ? "|         x-----|" : "|         <-----|");
  const std::string notes = words_of(offer);
  const LineMood mood = lost ? LineMood::kBad : notes.empty() ? LineMood::kPlain : LineMood::kOdd;
  datagram(now, mood, picture, passage, offer.number, notes);
}

void Ladder::on_delivered(Instant now, const Passage& passage, const Delivery& delivery) {
  std::string notes = "after " + format_duration(now - delivery.offered);
  if (!delivery.first_arrival) notes += ", a duplicate";
  if (delivery.reordered) notes += ", reordered: a later one came first";
  if (delivery.corrupted) notes += ", corrupted";
  if (delivery.truncated) notes += ", truncated";
  const bool up = passage.direction == Direction::kUplink;
  const bool odd =
      !delivery.first_arrival || delivery.reordered || delivery.corrupted || delivery.truncated;
  datagram(now, odd ? LineMood::kOdd : LineMood::kPlain,
           up ? "|         ----->|" : "|<-----         |", passage, delivery.number, notes);
}

void Ladder::on_lost(Instant now, const Passage& passage, std::uint64_t number,
                     std::string_view why) {
  datagram(now, LineMood::kBad, "|       x       |", passage, number, "lost: " + std::string(why));
}

void Ladder::on_event(const RunEvent& event) {
  std::string text = escape_bytes(std::as_bytes(std::span(event.subject))) + ' ' +
                     escape_controls(event.predicate) + ": ";
  if (event.attempts > 0) text += counted(event.attempts, "attempt") + ", ";
  line(event.ended, event.is_good ? LineMood::kGood : LineMood::kBad, "*",
       text + format_duration(event.elapsed));
}

void Ladder::datagram(Instant now, LineMood mood, const char* picture, const Passage& passage,
                      std::uint64_t number, const std::string& notes) {
  const std::string flow =
      passage.path == 0 ? std::string() : fmt::format("flow{}.", passage.path + 1);
  const std::string address = fmt::format("{}{}.{}", flow, to_string(passage.direction), number);
  line(now, mood, picture,
       fmt::format("{:<12} {}{}{}", address,
                   describe_ ? describe_(passage.payload) : double_quoted(passage.payload),
                   notes.empty() ? "" : "  ", notes));
}

void Ladder::line(Instant now, LineMood mood, const std::string& picture, const std::string& what) {
  const auto us = std::chrono::floor<std::chrono::microseconds>(now.time_since_epoch()).count();
  std::string text = fmt::format("{:>9}.{:03} ms  {:<17}  {}", us / 1000, us % 1000, picture, what);
  if (take_) return take_(std::move(text));
  fmt::print(out_, "{}\n", style_.apply(text, mood));
}

}  // namespace lossy
