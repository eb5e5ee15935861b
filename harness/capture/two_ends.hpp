// Two captures of the same traffic, one at each end of a path, joined: what left one end, and what
// of it arrived at the other.
//
// 1. A flow is known by its addresses, or, where something between the ends rewrites those (a NAT),
//    by what it carries. A datagram is known by what it carries and by its IPv4 identification, as
//    far as the path leaves that alone.
// 2. The clocks differ by half of what the least delays there and back differ by: the least delay
//    is taken to be the same both ways. Where datagrams went one way only, the least delay is 0.
// 3. Clocks that drift apart are set right by a constant rate, if the least delays of the first and
//    the last third show one.
// 4. What was sent before the other end's capture began, or so late that it may have arrived after
//    its end, is unknown: neither lost nor arrived. So are those that could each be what arrived.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <lossy/core/address.hpp>
#include <lossy/core/clock.hpp>
#include <lossy/harness/capture/path_log.hpp>

namespace lossy {

struct Sight;

// What a capture of one end shows.
class EndLog {
 public:
  // A datagram as it was seen.
  struct Seen {
    Instant time;
    std::uint32_t content = 0;
    std::uint16_t identification = 0;  // Of IPv4, or 0.
    std::uint16_t payload_bytes = 0;
  };
  // One direction of a flow.
  struct Way {
    Address source;
    Address destination;
    bool uplink = true;  // As this capture has it.
    std::vector<Seen> seen;
    std::uint64_t outgoing = 0;  // How many of them this host sent, as the capture says,
    std::uint64_t incoming = 0;  // and how many came in.
    std::uint64_t hops_sum = 0;  // Of their times to live.
  };

  // The record's time and what it shows. Recordings of both sides and what was seen before are
  // passed over, and so is what a host throws away because of its checksums.
  void add(Instant time, const Sight& sight);

  // In the order in which they began.
  const std::vector<Way>& ways() const { return ways_; }
  bool empty() const { return ways_.empty(); }
  Instant first() const { return first_; }
  Instant last() const { return last_; }
  std::uint64_t left_out() const { return left_out_; }

 private:
  struct HashPair {
    std::size_t operator()(const std::pair<Address, Address>& pair) const {
      const std::hash<Address> hash;
      return hash(pair.first) * 31 + hash(pair.second);
    }
  };

  std::vector<Way> ways_;
  std::unordered_map<std::pair<Address, Address>, std::size_t, HashPair> index_;
  std::size_t latest_ = 0;
  std::size_t seen_ = 0;
  std::uint64_t left_out_ = 0;
  Instant first_ = Instant::max();
  Instant last_ = Instant::min();
};

// How they were joined.
struct EndsMatch {
  bool swapped = false;               // The first capture is the server's end, as it turned out.
  bool by_content = false;            // No flow has the same addresses at both ends.
  bool both_ways = true;              // Datagrams arrived in both directions.
  Duration offset{};                  // How far the server's clock is ahead, at the beginning.
  Duration least{};                   // The least delay.
  std::optional<double> drift_ppm{};  // How much faster it goes, where that shows.
  std::uint64_t ambiguous = 0;        // Arrivals that could each be one of several.
};

struct JoinedEnds : EndsMatch {
  std::array<LoggedPath, 2> paths;  // Uplink and downlink.
};

// Gives the reason, as a sentence without a full stop, when the two show no traffic in common.
std::variant<JoinedEnds, std::string> join_ends(const EndLog& first, const EndLog& second);

}  // namespace lossy
