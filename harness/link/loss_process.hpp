// The running state of a loss model: what becomes of one datagram after the other.
//
// A Markov chain starts in its stationary distribution, so that its rate holds from the first
// datagram on. (One that has several, because it cannot get from everywhere to everywhere, starts
// in the one that is reached from the state without losses.) Its state takes one draw a datagram,
// whether that is lost takes another, so that raising a probability of loss only adds losses.
#pragma once

#include <cstdint>

#include <lossy/core/random.hpp>
#include <lossy/harness/link/correlated_stream.hpp>
#include <lossy/harness/link/loss_model.hpp>

namespace lossy {

class LossProcess {
 public:
  // Starts at the datagram `first`. std::logic_error when the model is outside its range.
  LossProcess(const LossModel& model, RandomStream stream, std::uint64_t first = 1);

  // Whether the datagram `number` is lost. Numbers increase, from `first` on; a chain takes its
  // steps for those that are left out, too.
  bool lost(std::uint64_t number) {
    if (kind_ == Kind::kRandom) return random_.happens(number);
    return lost_otherwise(number);
  }

 private:
  enum class Kind : std::uint8_t { kRandom, kGilbertElliott, kFourState, kEveryNth };
  // netem's numbers. Gilbert and Elliott's good and bad state are the 1 and the 3.
  enum class State : std::uint8_t { kGood = 1, kGoodInBurst, kBad, kLostInGap };

  bool lost_otherwise(std::uint64_t number);
  State start_gilbert_elliott(std::uint64_t draw) const;
  State start_four_state(std::uint64_t draw) const;
  State step_gilbert_elliott(std::uint64_t draw) const;
  State step_four_state(std::uint64_t draw) const;

  Kind kind_ = Kind::kRandom;
  State state_ = State::kGood;
  std::uint64_t last_number_;
  std::uint64_t every_ = 1;
  GilbertElliott gilbert_elliott_{};
  FourStateLoss four_state_{};
  RandomStream steps_;
  RandomStream losses_;
  ChanceStream random_;
};

}  // namespace lossy
