// Records a run: tells a Recorder of every datagram that is sent or arrives.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include <lossy/harness/capture/recorder.hpp>
#include <lossy/harness/link/observer.hpp>
#include <lossy/harness/report/fate_words.hpp>

namespace lossy {

class RecordingObserver final : public Observer {
 public:
  enum class Fates : std::uint8_t { kLeftOut, kInWords };
  // Why datagrams that set out were lost on their way, where that is known before they do.
  using LostOnTheWay = std::map<std::pair<Direction, std::uint64_t>, std::string>;

  // The recorder must outlive this. What becomes of datagrams is told where a file has a place for
  // it.
  explicit RecordingObserver(Recorder& recorder, Fates fates = Fates::kLeftOut,
                             LostOnTheWay lost = {})
      : recorder_(recorder), fates_(fates), lost_(std::move(lost)) {}

  void on_offered(Instant now, const Passage& passage, const Offer& offer) override;
  void on_delivered(Instant now, const Passage& passage, const Delivery& delivery) override;
  void on_in_flight(Instant now, const Passage& passage, std::uint64_t number) override;

 private:
  Recorder& recorder_;
  Fates fates_;
  LostOnTheWay lost_;
  FateWords words_;
};

}  // namespace lossy
