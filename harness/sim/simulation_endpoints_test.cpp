#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <deque>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <lossy/core/endpoint.hpp>
#include <lossy/core/random.hpp>
#include <lossy/harness/sim/simulation_for_test.hpp>

namespace lossy {
namespace {

// Somebody else's protocol: sends the numbers 1 to N, each until it is acknowledged.
class Counter final : public Endpoint {
 public:
  Counter(Address peer, std::uint32_t last) : peer_(peer), last_(last) {}
  bool done() const { return next_ > last_; }

  void handle_datagram(Instant, const Datagram& datagram) override {
    if (datagram.payload.size() != 4) return;
    std::uint32_t acknowledged = 0;
    std::memcpy(&acknowledged, datagram.payload.data(), 4);
    if (acknowledged != next_) return;
    ++next_;
    sent_ = false;
  }
  void handle_timeout(Instant now) override {
    if (again_ && now >= *again_) sent_ = false;
  }
  std::optional<Transmit> poll_transmit(Instant now, std::span<std::byte> buffer) override {
    if (done()) again_.reset();
    if (done() || sent_) return std::nullopt;
    std::memcpy(buffer.data(), &next_, 4);
    sent_ = true;
    again_ = now + 100ms;
    return Transmit{peer_, 4};
  }
  std::optional<Instant> poll_timeout() const override { return again_; }

 private:
  Address peer_;
  std::uint32_t next_ = 1;
  std::uint32_t last_;
  bool sent_ = false;
  std::optional<Instant> again_{};
};

// Acknowledges every number, and takes each once.
class Acknowledger final : public Endpoint {
 public:
  void handle_datagram(Instant, const Datagram& datagram) override {
    if (datagram.payload.size() != 4) return;
    std::uint32_t number = 0;
    std::memcpy(&number, datagram.payload.data(), 4);
    if (number == taken.size() + 1) taken.push_back(number);
    if (number <= taken.size()) acknowledge_.emplace_back(datagram.source, number);
  }
  void handle_timeout(Instant) override {}
  std::optional<Transmit> poll_transmit(Instant, std::span<std::byte> buffer) override {
    if (acknowledge_.empty()) return std::nullopt;
    const auto [to, number] = acknowledge_.front();
    acknowledge_.pop_front();
    std::memcpy(buffer.data(), &number, 4);
    return Transmit{to, 4};
  }
  std::optional<Instant> poll_timeout() const override { return std::nullopt; }

  std::vector<std::uint32_t> taken;

 private:
  std::deque<std::pair<Address, std::uint32_t>> acknowledge_;
};

// Any protocol with these verbs runs here, not the greeting alone.
TEST(Simulation, RunsSomebodyElsesProtocol) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Counter counter(kServerAddress, 100);
    Acknowledger acknowledger;
    Simulation simulation;
    simulation.add(counter, kClientAddress);
    simulation.add(acknowledger, kServerAddress);
    join(simulation, {.delay = 20ms},
         {.loss = RandomLoss{Probability::ratio(30, 100)},
          .duplicate = Probability::ratio(20, 100),
          .reorder = Probability::ratio(20, 100),
          .jitter = 15ms},
         seed);
    EXPECT_EQ(simulation.run_until([&] { return counter.done(); }, Instant(1h)),
              RunEnd::kPredicate);
    EXPECT_EQ(acknowledger.taken.size(), 100U);
    EXPECT_EQ(run(simulation), RunEnd::kIdle);
  }
}

}  // namespace
}  // namespace lossy
