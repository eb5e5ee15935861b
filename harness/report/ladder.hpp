// The ladder: one line an event, with the time, the direction, and what happened to each datagram.
#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include <lossy/core/protocol.hpp>
#include <lossy/harness/report/line_style.hpp>
#include <lossy/harness/sim/simulation.hpp>

namespace lossy {

// Prints while the simulation runs. The client stands on the left and the server on the right:
//
//      0.000 ms  |-----x         |  uplink.1     "Michael"  lost: drop
//   1000.000 ms  |----->         |  uplink.2     "Michael"
//   1020.000 ms  |         ----->|  uplink.2     "Michael"  after 20ms
class Ladder final : public Observer {
 public:
  // `out` must outlive this. Without `describe` bytes are quoted and escaped, and only the first 80
  // of a datagram are shown.
  explicit Ladder(std::FILE* out, const LineStyle& style = {}, Protocol::Describe describe = {})
      : out_(out), style_(style), describe_(std::move(describe)) {}
  // Gives each line, without its end, to `take` instead.
  using Take = std::function<void(std::string)>;
  explicit Ladder(Take take) : take_(std::move(take)) {}

  void on_offered(Instant now, const Passage& passage, const Offer& offer) override;
  void on_delivered(Instant now, const Passage& passage, const Delivery& delivery) override;
  void on_lost(Instant now, const Passage& passage, std::uint64_t number,
               std::string_view why) override;
  // A call of the application has ended.
  void on_event(const RunEvent& event);

 private:
  void line(Instant now, LineMood mood, const std::string& picture, const std::string& what);
  void datagram(Instant now, LineMood mood, const char* picture, const Passage& passage,
                std::uint64_t number, const std::string& notes);

  std::FILE* out_ = nullptr;
  LineStyle style_{};
  Protocol::Describe describe_{};
  Take take_;
};

}  // namespace lossy
