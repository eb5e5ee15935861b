#include <lossy/harness/link/loss_process.hpp>

#include <algorithm>

#include <lossy/core/check.hpp>

namespace lossy {
namespace {

// The places of the streams below the one given; that itself, and 1, are a ChanceStream's. They are
// part of what a seed means: never renumber.
enum Place : std::uint64_t { kStart = 2, kStep, kLoss };

Probability from_threshold(std::uint64_t threshold) {
  return Probability::ratio(threshold, Probability::kOne);
}

// A draw as a place in [0, whole), where each weight takes its share. `whole` is at most 2^64.
std::uint64_t place_in(Uint128 whole, std::uint64_t draw) {
  return static_cast<std::uint64_t>((whole * draw) >> 64);
}

// The second of two ways out of a state has at most what the first leaves.
Probability beside(Probability first, Probability second) {
  return from_threshold(std::min(second.threshold(), Probability::kOne - first.threshold()));
}

}  // namespace

LossProcess::LossProcess(const LossModel& model, RandomStream stream, std::uint64_t first)
    : last_number_(first),
      steps_(stream.stream(kStep)),
      losses_(stream.stream(kLoss)),
      random_(Chance{}, stream) {
  const std::uint64_t start = stream.stream(kStart).at(first);
  if (const auto* random = std::get_if<RandomLoss>(&model)) {
    random_ = ChanceStream(random->chance, stream);
  } else if (const auto* chain = std::get_if<GilbertElliott>(&model)) {
    kind_ = Kind::kGilbertElliott;
    gilbert_elliott_ = *chain;
    state_ = start_gilbert_elliott(start);
  } else if (const auto* netem = std::get_if<FourStateLoss>(&model)) {
    kind_ = Kind::kFourState;
    four_state_ = *netem;
    four_state_.p13 = beside(netem->p14, netem->p13);
    four_state_.p31 = beside(netem->p32, netem->p31);
    state_ = start_four_state(start);
  } else {
    kind_ = Kind::kEveryNth;
    every_ = std::get<EveryNthLoss>(model).n;
    check(every_ > 0, "EveryNthLoss: n is 0");
  }
}

bool LossProcess::lost_otherwise(std::uint64_t number) {
  switch (kind_) {
    case Kind::kGilbertElliott: {
      while (last_number_ < number) state_ = step_gilbert_elliott(steps_.at(++last_number_));
      const Probability loss =
          state_ == State::kBad ? gilbert_elliott_.loss_in_bad : gilbert_elliott_.loss_in_good;
      return !loss.is_zero() && loss.happens(losses_.at(number));
    }
    case Kind::kFourState:
      while (last_number_ < number) state_ = step_four_state(steps_.at(++last_number_));
      return state_ == State::kBad || state_ == State::kLostInGap;
    case Kind::kEveryNth:
      return number % every_ == 0;
    case Kind::kRandom:
      break;
  }
  return random_.happens(number);
}

// Low draws are for the bad state here and in each step, so that raising p only adds to it, as long
// as p + r is at most 1.
LossProcess::State LossProcess::start_gilbert_elliott(std::uint64_t draw) const {
  const std::uint64_t p = gilbert_elliott_.to_bad.threshold();
  const std::uint64_t r = gilbert_elliott_.to_good.threshold();
  return place_in(Uint128{p} + r, draw) < p ? State::kBad : State::kGood;
}

LossProcess::State LossProcess::step_gilbert_elliott(std::uint64_t draw) const {
  const std::uint64_t bad_below = state_ == State::kBad
                                      ? Probability::kOne - gilbert_elliott_.to_good.threshold()
                                      : gilbert_elliott_.to_bad.threshold();
  return (draw >> 1) < bad_below ? State::kBad : State::kGood;
}

// The stationary distribution is pi1 : pi2 : pi3 : pi4 =
// p31 p23 : p13 p32 : p13 p23 : p31 p23 p14.
LossProcess::State LossProcess::start_four_state(std::uint64_t draw) const {
  const bool bursts = !four_state_.p13.is_zero();
  const bool pauses = bursts && !four_state_.p32.is_zero();
  const std::uint64_t p13 = four_state_.p13.threshold();
  const std::uint64_t p32 = four_state_.p32.threshold();
  // The way out of a state that is never entered does not matter, unless it is 0.
  const std::uint64_t p31 = bursts ? four_state_.p31.threshold() : Probability::kOne;
  const std::uint64_t p23 = pauses ? four_state_.p23.threshold() : Probability::kOne;

  Uint128 good = Uint128{p31} * p23;
  Uint128 good_in_burst = pauses ? Uint128{p13} * p32 : 0;
  Uint128 bad = Uint128{p13} * p23;
  while (std::max({good, good_in_burst, bad}) >> 61 != 0) {
    good >>= 1;
    good_in_burst >>= 1;
    bad >>= 1;
  }
  const Uint128 lost_in_gap = (good * four_state_.p14.threshold()) >> 63;
  const std::uint64_t place = place_in(bad + lost_in_gap + good_in_burst + good, draw);
  if (place < bad) return State::kBad;
  if (place < bad + lost_in_gap) return State::kLostInGap;
  if (place < bad + lost_in_gap + good_in_burst) return State::kGoodInBurst;
  return State::kGood;
}

LossProcess::State LossProcess::step_four_state(std::uint64_t draw) const {
  const std::uint64_t at = draw >> 1;
  const auto step = [at](Probability first, State to, Probability second, State or_to, State stay) {
    if (at < first.threshold()) return to;
    return at < first.threshold() + second.threshold() ? or_to : stay;
  };
  const FourStateLoss& p = four_state_;
  switch (state_) {
    case State::kGood:
      return step(p.p14, State::kLostInGap, p.p13, State::kBad, State::kGood);
    case State::kGoodInBurst:
      return p.p23.happens(draw) ? State::kBad : State::kGoodInBurst;
    case State::kBad:
      return step(p.p32, State::kGoodInBurst, p.p31, State::kGood, State::kBad);
    case State::kLostInGap:
      break;
  }
  return State::kGood;
}

}  // namespace lossy
