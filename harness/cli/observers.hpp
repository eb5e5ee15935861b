// What watches a simulated run on behalf of the command line: the recording and the list of faults.
#pragma once

#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "harness/capture/new_file.hpp"
#include "harness/capture/recorder.hpp"
#include "harness/report/fate_words.hpp"
#include "harness/sim/simulation.hpp"

namespace lossy {

// Hands every datagram that is sent or arrives to a Recorder.
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

// Writes down what a run did as a list of faults, which --faults=@FILE runs again.
class FaultSaver final : public Observer {
 public:
  // Throws std::system_error when the file cannot be made. Without finish() none is left behind.
  // `options` are those of the run, and `path_options` say for another run what the list of faults
  // does not: delays and rates.
  FaultSaver(const std::string& path, const std::string& options, const std::string& path_options);

  void on_offered(Instant now, const Passage& passage, const Offer& offer) override;
  void finish();

 private:
  void write(const std::string& text);
  [[noreturn]] void refuse() const;

  NewFile file_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream_{nullptr, std::fclose};
};

}  // namespace lossy
