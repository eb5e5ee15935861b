#include <lossy/harness/learn/asker.hpp>

#include <limits>

#include <lossy/core/rtt_estimator.hpp>
#include <lossy/harness/sim/simulation.hpp>

namespace lossy {
namespace {

// Asks one question after the other, each until it is answered.
class Asker final : public Endpoint {
 public:
  Asker(Timer timer, Duration fixed, const Address& server)
      : timer_(timer),
        server_(server),
        estimator_({}),
        rto_(timer == Timer::kFixed ? fixed : estimator_.rto()) {}

  void handle_datagram(Instant now, const Datagram& datagram) override {
    const ParsedName parsed = parse_greeting(datagram.payload);
    const auto* const name = std::get_if<std::string_view>(&parsed);
    if (name == nullptr || *name != names_.at(answered.size())) return;  // To an earlier question.
    if (timer_ != Timer::kFixed && (sent_ == 1 || timer_ == Timer::kFromLast)) {
      estimator_.sample(last_, now);
    }
    answered.push_back({.asked = first_, .sent = sent_});
    if (timer_ != Timer::kFixed) rto_ = estimator_.rto();
    sent_ = 0;
    due_ = now;
  }
  void handle_timeout(Instant now) override {
    if (now < due_ || sent_ == 0) return;
    sends_ = true;
    if (timer_ != Timer::kFixed) rto_ = estimator_.backed_off(rto_);
  }
  std::optional<Transmit> poll_transmit(Instant now, std::span<std::byte> buffer) override {
    if (sent_ > 0 && !sends_) return std::nullopt;
    sends_ = false;
    if (sent_++ == 0) first_ = now;
    last_ = now;
    due_ = saturating_add(now, rto_);
    return Transmit{server_, write_request(names_.at(answered.size()), buffer)};
  }
  std::optional<Instant> poll_timeout() const override { return due_; }

  struct Answered {
    Instant asked;
    std::uint64_t sent = 0;
  };
  std::vector<Answered> answered;
  Duration rto() const { return rto_; }

 private:
  Timer timer_;
  Address server_;
  RttEstimator estimator_;
  Duration rto_;
  Names names_{std::numeric_limits<std::uint64_t>::max()};
  Instant first_{};
  Instant last_{};
  Instant due_{};
  std::uint64_t sent_ = 0;  // How often the question that is open was.
  bool sends_ = false;
};

}  // namespace

Afterwards ask(Timer timer, Duration fixed, const Jump& jump) {
  const Address client = Address::v4({192, 0, 2, 1}, 50'000);
  const Address server_address = Address::v4({192, 0, 2, 2}, 9999);
  Asker asker(timer, fixed, server_address);
  Server server;
  Simulation simulation;
  const HostId asks = simulation.add(asker, client);
  const HostId answers = simulation.add(server, server_address);
  simulation.path(asks, answers, make_link(jump.path(), 0, Direction::kUplink),
                  make_link(jump.path(), 0, Direction::kDownlink));
  simulation.run_until([&] { return asker.answered.size() == 2 * jump.half; }, Instant::max());
  Afterwards result{.rto = asker.rto()};
  for (const Asker::Answered& answered : asker.answered) {
    if (answered.asked >= jump.when()) result.sent.push_back(answered.sent);
  }
  return result;
}

Afterwards ask_with_client(const Jump& jump) {
  const GreetingPlan plan{.uplink = jump.path(),
                          .downlink = jump.path(),
                          .count = 2 * jump.half,
                          .retry = {.attempts_max = std::numeric_limits<int>::max()}};
  Afterwards result;
  run_greetings(plan, {.on_event = [&](const ClientEvent& event) {
                  if (event.ended - event.elapsed < jump.when()) return;
                  result.sent.push_back(static_cast<std::uint64_t>(event.attempts));
                }});
  return result;
}

}  // namespace lossy
