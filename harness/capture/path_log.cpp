#include <lossy/harness/capture/path_log.hpp>

#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>
#include <utility>

#include <lossy/core/greeting/name_table.hpp>
#include <lossy/harness/capture/inspector.hpp>

namespace lossy {
namespace {

constexpr std::size_t kPlacesMin = 64;
constexpr std::size_t kPlacesMax = std::size_t{1} << 16;

}  // namespace

std::uint32_t digest_of(std::span<const std::byte> payload) {
  const std::string_view text(reinterpret_cast<const char*>(payload.data()), payload.size());
  return static_cast<std::uint32_t>(hash_name(text) >> 32);
}

std::uint32_t PayloadTail::keep(std::span<const std::byte> payload) {
  if (end_ + payload.size() > kBytes) end_ = 0;  // In one piece.
  const std::size_t start = end_;
  if (start + payload.size() > bytes_.size()) {
    bytes_.resize(std::min(kBytes, 2 * (start + payload.size())));
  }
  if (!payload.empty()) std::memcpy(&bytes_[start], payload.data(), payload.size());
  end_ = start + payload.size();
  return static_cast<std::uint32_t>(start);
}

std::uint64_t PayloadTail::flips(const LoggedDatagram& sent,
                                 std::span<const std::byte> arrived) const {
  if (arrived.size() != sent.payload_bytes || sent.payload_at + arrived.size() > bytes_.size()) {
    return 0;
  }
  const auto kept = std::span(bytes_).subspan(sent.payload_at, arrived.size());
  if (digest_of(kept) != sent.content) return 0;
  std::uint64_t flips = 0;
  for (std::size_t i = 0; i < arrived.size(); ++i) {
    flips += static_cast<unsigned>(std::popcount(std::to_integer<unsigned>(kept[i] ^ arrived[i])));
  }
  return flips;
}

void FlowLog::sent(Instant time, const Frame& frame, PayloadTail& tail) {
  const std::uint32_t identification = frame.identification;
  // Grows until the place is free, as long as a quarter of the places would be taken.
  while (latest_.empty() ||
         (find(identification) == nullptr && latest_[identification & (latest_.size() - 1)] != 0 &&
          latest_.size() < kPlacesMax && latest_.size() <= 4 * flow_.datagrams.size())) {
    std::vector<std::uint32_t> larger(std::max(kPlacesMin, latest_.size() * 2));
    for (const std::uint32_t place : latest_) {
      if (place == 0) continue;
      larger[flow_.datagrams[place - 1].identification & (larger.size() - 1)] = place;
    }
    latest_ = std::move(larger);
  }
  LoggedDatagram& datagram = flow_.datagrams.emplace_back();
  datagram.sent = time;
  datagram.identification = identification;
  datagram.content = digest_of(frame.payload);
  datagram.payload_at = tail.keep(frame.payload);
  datagram.payload_bytes = static_cast<std::uint16_t>(frame.payload.size());
  datagram.is_v6 = frame.source.is_v6();
  latest_[identification & (latest_.size() - 1)] =
      static_cast<std::uint32_t>(flow_.datagrams.size());
}

void FlowLog::sent_unseen(std::uint32_t identification) {
  if (std::uint32_t* const place = find(identification)) *place = 0;
}

// The place of the datagram that was sent last with this identification, or nothing.
std::uint32_t* FlowLog::find(std::uint32_t identification) {
  if (latest_.empty()) return nullptr;
  std::uint32_t& place = latest_[identification & (latest_.size() - 1)];
  if (place == 0 || flow_.datagrams[place - 1].identification != identification) return nullptr;
  return &place;
}

void FlowLog::arrived(Instant time, const Frame& frame, const PayloadTail& tail) {
  const std::uint32_t* const place = find(frame.identification);
  if (place == nullptr) {
    ++flow_.unmatched;
    return;
  }
  arrive(flow_, *place - 1, saturating_between(flow_.datagrams[*place - 1].sent, time));
  look_at(flow_, *place - 1, frame.payload, tail);
}

void FlowLog::arrive(LoggedFlow& flow, std::size_t place, Duration delay) {
  LoggedDatagram& datagram = flow.datagrams[place];
  if (datagram.arrivals == 0) {
    datagram.delay = delay;
  } else if (flow.copies.size() < flow.datagrams.size()) {
    flow.copies.push_back({place, delay});
  }
  datagram.unknown = false;
  if (datagram.arrivals < 255) ++datagram.arrivals;
}

void FlowLog::look_at(LoggedFlow& flow, std::size_t place, std::span<const std::byte> payload,
                      const PayloadTail& tail) {
  const LoggedDatagram& datagram = flow.datagrams[place];
  if (datagram.payload_bytes == 0) return;
  LoggedDamage& damage = flow.damage;
  ++damage.copies;
  if (payload.size() < datagram.payload_bytes) {
    ++damage.cut;
  } else if (digest_of(payload) != datagram.content) {
    ++damage.flipped;
    const std::uint64_t flips = tail.flips(datagram, payload);
    ++damage.flips[flips <= LoggedDamage::kFlipsKnown ? flips : 0];
  }
}

void FlowLog::in_flight(std::uint32_t identification) {
  const std::uint32_t* const place = find(identification);
  if (place == nullptr) return;
  LoggedDatagram& datagram = flow_.datagrams[*place - 1];
  datagram.unknown = datagram.arrivals == 0;
}

void PathLog::add(Instant time, const Sight& sight) {
  if (sight.flow == 0) return;
  const Frame* const frame = sight.in_flight != nullptr ? sight.in_flight : sight.frame;
  if (frame == nullptr || (sight.in_flight == nullptr && !sight.two_sided)) return;
  const auto [found, is_new] = flows_.try_emplace(sight.flow);
  if (is_new) order_.push_back(sight.flow);
  const std::size_t way = sight.uplink ? 0 : 1;
  FlowLog& log = found->second[way];
  if (sight.in_flight != nullptr) {
    log.in_flight(frame->identification);
  } else if (frame->type == PacketType::kIncoming) {
    log.arrived(time, *frame, tail_);
  } else if (logged_ == kLoggedDatagramsMax) {
    ++left_out_[way];
    log.sent_unseen(frame->identification);
  } else {
    ++logged_;
    log.sent(time, *frame, tail_);
  }
}

std::array<LoggedPath, 2> PathLog::take() {
  std::array<LoggedPath, 2> paths;
  for (std::size_t way = 0; way < paths.size(); ++way) {
    paths[way].left_out = left_out_[way];
    for (const std::uint64_t flow : order_) {
      LoggedFlow log = flows_.at(flow)[way].take();
      if (!log.datagrams.empty()) paths[way].flows.push_back(std::move(log));
    }
  }
  flows_.clear();
  return paths;
}

}  // namespace lossy
