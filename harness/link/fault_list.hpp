// Exact fates, written down: 'uplink.3:drop,downlink.1:duplicate+5ms'.
//
//   list  = fault *( ( "," / newline ) fault )   ; "#" starts a comment, up to the line's end
//   fault = [ "flow" number "." ] ( "uplink" / "downlink" ) "." number
//           ":" ( loss / copy *( "/" copy ) )
//   loss  = "drop" / "checksum"                  ; checksum: damaged so that the receiver sees it
//   copy  = word [ ( "+" / "-" ) time ] *( "^" bit ) [ "=" bytes ]
//   word  = "deliver" / "delay" / "corrupt" / "truncate"
//                                                ; a copy, later or earlier, with bits flipped, cut
//         / "hold" / "reorder"                   ; a copy held back on purpose
//         / "early"                              ; a copy sent ahead on purpose, which overtakes
//                                                ; even where jitter keeps the order
//         / "duplicate"                          ; "deliver/deliver"; what follows is the second's
//
// A number counts the datagrams offered to that direction's link, from 1; and the flows of a proxy,
// of which the first is meant where none is named. A time is on top of
// what the link's options give, exact to the nanosecond. A bit counts from 0: bit b is bit b % 8,
// from the least significant, of payload byte b / 8. Behind "=" stands how many bytes of the
// payload are left, cut once the bits are flipped. What is not listed is delivered once, on time
// and intact.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <lossy/harness/link/direction.hpp>
#include <lossy/harness/link/fate.hpp>
#include <lossy/harness/link/text.hpp>

namespace lossy {

class FaultList {
 public:
  static constexpr std::size_t kFaultsMax = 10'000'000;

  // Throws TextError, pointing at the fault that cannot be read. A list may be empty.
  static FaultList parse(std::string_view text);

  bool empty() const { return ways_[0].faults.empty() && ways_[1].faults.empty(); }
  std::size_t size(Direction direction) const { return of(direction).faults.size(); }
  // The i-th of one direction, by rising flow and number.
  std::uint64_t flow(Direction direction, std::size_t i) const {
    return of(direction).faults[i].flow;
  }
  std::uint64_t number(Direction direction, std::size_t i) const {
    return of(direction).faults[i].number;
  }
  Fate fate(Direction direction, std::size_t i) const;
  // Which of them are for one flow: from the first to before the second.
  std::pair<std::size_t, std::size_t> range(Direction direction, std::uint64_t flow) const;
  // How many faults of one direction are for datagrams beyond the `offered` first of a flow.
  std::size_t count_beyond(Direction direction, std::uint64_t offered,
                           std::uint64_t flow = 1) const;
  // The highest flow that is named, 0 in an empty list.
  std::uint64_t last_flow() const;
  // The least extra delay of any copy: zero or negative. The link's delay must make up for it.
  Duration extra_delay_min(Direction direction) const;

 private:
  // Copies lie behind each other, because most faults have none or one.
  struct Fault {
    std::uint64_t flow = 1;
    std::uint64_t number = 0;
    std::uint32_t first_copy = 0;
    std::uint8_t copies_count = 0;
    LossReason loss = LossReason::kDrop;
  };
  struct OneWay {
    std::vector<Fault> faults;
    std::vector<CopyFate> copies;
  };

  void add(std::string_view fault);
  const OneWay& of(Direction direction) const { return ways_[static_cast<std::size_t>(direction)]; }

  std::array<OneWay, 2> ways_;
};

// One fault in canonical form, as parse() reads it: "uplink.3:deliver+5ms^17=10/hold+10ms"; with
// "flow2." and so on in front for another flow than the first.
std::string format_fault(Direction direction, std::uint64_t number, const Fate& fate,
                         std::uint64_t flow = 1);

class ListedFates final : public FateSource {
 public:
  // The list must outlive this.
  ListedFates(const FaultList& list, Direction direction, std::uint64_t flow = 1)
      : list_(list), direction_(direction) {
    std::tie(next_, end_) = list.range(direction, flow);
  }
  ListedFates(const FaultList&&, Direction, std::uint64_t = 1) = delete;

  const Fate& decide(Instant now, std::uint64_t number, std::size_t payload_bytes) override;

 private:
  const FaultList& list_;
  Direction direction_;
  std::size_t next_ = 0;
  std::size_t end_ = 0;
  Fate fate_;
};

}  // namespace lossy
