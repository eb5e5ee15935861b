#include <lossy/harness/link/serialiser.hpp>

#include <algorithm>
#include <limits>

namespace lossy {
namespace {

// a + b, and 0 where that is negative.
std::uint64_t add_overhead(std::uint64_t a, std::int32_t b) {
  if (b >= 0) return a + static_cast<std::uint64_t>(b);
  return a - std::min(a, static_cast<std::uint64_t>(-std::int64_t{b}));
}

struct Quotient {
  Uint128 whole = 0;
  std::uint64_t rest = 0;
};

// One that fits into 64 bits is many times faster, and almost all do.
Quotient divide(Uint128 dividend, std::uint64_t divisor) {
  if (dividend >> 64 == 0) [[likely]] {
    const auto small = static_cast<std::uint64_t>(dividend);
    return {small / divisor, small % divisor};
  }
  return {dividend / divisor, static_cast<std::uint64_t>(dividend % divisor)};
}

}  // namespace

std::uint64_t line_bytes(std::size_t ip_bytes, const RateLimit& rate) {
  const std::uint64_t bytes = add_overhead(ip_bytes, rate.packet_overhead_bytes);
  if (rate.cell_bytes == 0) return bytes;
  // Below 2^32 bytes, each in a cell of its own at the worst, which adds below 2^31: all fits.
  const std::uint64_t cells = (bytes + rate.cell_bytes - 1) / rate.cell_bytes;
  return cells * add_overhead(rate.cell_bytes, rate.cell_overhead_bytes);
}

void Serialiser::forget_departed(Instant now) {
  while (!departures_.empty() && departures_.front().when <= now) {
    queued_bytes_ -= departures_.front().ip_bytes;
    departures_.pop_front();
  }
}

bool Serialiser::queue_has_room(Instant now, std::size_t ip_bytes, const LinkOptions& options) {
  forget_departed(now);
  if (departures_.empty()) return true;
  const std::size_t waiting = departures_.size() - 1;
  const std::size_t waiting_bytes = queued_bytes_ - departures_.front().ip_bytes;
  return waiting < options.queue_datagrams_max && waiting_bytes <= options.queue_bytes_max &&
         ip_bytes <= options.queue_bytes_max - waiting_bytes;
}

Instant Serialiser::queue(Instant now, std::size_t ip_bytes, const LinkOptions& options) {
  if (free_at_ < now) {
    free_at_ = now;
    fraction_ = 0;
  }
  free_at_ = options.trace ? send_in_trace(free_at_, ip_bytes, options.trace)
                           : send_at_rate(free_at_, ip_bytes, options.rate);
  departures_.push_back({free_at_, ip_bytes});
  queued_bytes_ += ip_bytes;
  return free_at_;
}

Instant Serialiser::send_at_rate(Instant start, std::size_t ip_bytes, const RateLimit& rate) {
  if (fraction_rate_ != rate.bits_per_second) {
    fraction_rate_ = rate.bits_per_second;
    fraction_ = 0;
  }
  constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;
  const Quotient time =
      divide(Uint128{line_bytes(ip_bytes, rate)} * 8 * kNanosecondsPerSecond + fraction_,
             rate.bits_per_second);
  fraction_ = time.rest;
  constexpr auto kLongest = static_cast<std::uint64_t>(Duration::max().count());
  return saturating_add(
      start, Duration(static_cast<Duration::rep>(std::min<Uint128>(time.whole, kLongest))));
}

Instant Serialiser::send_in_trace(Instant start, std::size_t ip_bytes,
                                  const std::shared_ptr<const DeliveryTrace>& trace) {
  if (trace_ != trace) {
    if (!trace_ || *trace_ != *trace) opportunity_at_ = Instant::min();
    trace_ = trace;
  }
  fraction_ = 0;
  if (opportunity_at_ < start) {
    opportunity_ = trace->first_at(start);
    opportunity_at_ = trace->when(opportunity_);
    left_bytes_ = DeliveryTrace::kOpportunityBytes;
  }
  if (ip_bytes > left_bytes_) {
    constexpr std::size_t kBytes = DeliveryTrace::kOpportunityBytes;
    const std::size_t beyond = ip_bytes - left_bytes_;
    const std::size_t more = (beyond + kBytes - 1) / kBytes;
    opportunity_ += more;
    opportunity_at_ = trace->when(opportunity_);
    left_bytes_ = more * kBytes - beyond;
  } else {
    left_bytes_ -= ip_bytes;
  }
  return opportunity_at_;
}

}  // namespace lossy
