// Records a run: tells a Recorder of every datagram that is sent or arrives.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <lossy/harness/capture/recorder.hpp>
#include <lossy/harness/link/observer.hpp>
#include <lossy/harness/report/fate_words.hpp>

namespace lossy {

class RecordingObserver final : public Observer {
 public:
  enum class Fates : std::uint8_t { kLeftOut, kInWords };
  // Why datagrams that set out were lost on their way, where that is known before they do.
  using LostOnTheWay = std::map<std::tuple<std::size_t, Direction, std::uint64_t>, std::string>;

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

// Finds out which datagrams are lost on their way, in a run before the one that is recorded.
class LossWatcher final : public Observer {
 public:
  const RecordingObserver::LostOnTheWay& lost() const { return lost_; }

  void on_lost(Instant now, const Passage& passage, std::uint64_t number,
               std::string_view why) override;
  void on_delivered(Instant now, const Passage& passage, const Delivery& delivery) override;

 private:
  RecordingObserver::LostOnTheWay lost_;
  std::set<std::tuple<std::size_t, Direction, std::uint64_t>> arrived_;
};

}  // namespace lossy
