// Which of several sources has the earliest event: a tournament, in which a change costs one
// comparison a round. Of equal times the lower index wins.
#pragma once

#include <bit>
#include <cstddef>
#include <vector>

#include <lossy/core/clock.hpp>

namespace lossy {

class Earliest {
 public:
  // All sources have no event, Instant::max().
  explicit Earliest(std::size_t sources) { make_room(sources); }

  // There are so many sources now, at least: those that are new have no event.
  void grow(std::size_t sources) {
    if (sources > leaves_) make_room(sources);
  }

  // The earliest source and its time.
  std::size_t source() const { return winner_[1]; }
  Instant when() const { return when_[winner_[1]]; }

  void set(std::size_t source, Instant when) {
    if (when_[source] == when) return;
    when_[source] = when;
    for (std::size_t match = (source + leaves_) / 2; match > 0; match /= 2) {
      const std::size_t before = winner_[match];
      play(match);
      // Whoever wins here has not changed, nor has the time: nor has anything above.
      if (winner_[match] == before && before != source) return;
    }
  }

 private:
  void make_room(std::size_t sources) {
    leaves_ = std::bit_ceil(sources < 2 ? std::size_t{2} : sources);
    when_.resize(leaves_, Instant::max());
    winner_.resize(leaves_);
    for (std::size_t match = leaves_ - 1; match > 0; --match) play(match);
  }
  // Matches are numbered as a heap: the players of match m are m * 2 and m * 2 + 1.
  std::size_t player(std::size_t at) const { return at < leaves_ ? winner_[at] : at - leaves_; }
  void play(std::size_t match) {
    const std::size_t a = player(2 * match);
    const std::size_t b = player(2 * match + 1);
    winner_[match] = when_[b] < when_[a] ? b : a;
  }

  std::size_t leaves_ = 0;
  std::vector<Instant> when_;
  std::vector<std::size_t> winner_;
};

}  // namespace lossy
