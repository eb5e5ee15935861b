// What a page draws: the way of every datagram from one side to the other, in columns, and the
// bytes of those. It keeps a bounded part of a run, and counts what it does not keep.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <lossy/core/address.hpp>
#include <lossy/core/clock.hpp>
#include <lossy/core/protocol.hpp>
#include <lossy/harness/link/direction.hpp>

namespace lossy {

struct PageBounds {
  std::size_t arrows = std::size_t{1} << 18;         // Datagrams, and copies of them.
  std::size_t payload_bytes = std::size_t{4} << 20;  // Of different payloads in all.
  std::size_t bytes_each = 256;                      // Of one payload.
};

// What distinguishes an arrow, as bits: page/README.md has them, too.
enum PageTrait : unsigned {
  kPageDownlink = 1,
  kPageLost = 2,
  kPageCopy = 4,             // Not the first of its datagram to arrive.
  kPageReordered = 8,        // RFC 4737: a later one arrived before it.
  kPageRetransmission = 16,  // A request that was sent before and has no answer yet.
  kPageCorrupted = 32,
  kPageTruncated = 64,
  kPageHeldBack = 128,
  kPageEarly = 256,
  kPageOneSided = 512,    // Seen in one place only: nobody knows when it was sent or arrived.
  kPageDifferent = 1024,  // Where a replay found the difference.
  kPageUnderway = 2048,   // On its way when the run ended.
};

// The way of one datagram, or of one of its copies.
struct PageArrow {
  static constexpr Duration kNever{-1};

  Instant sent;
  Duration delay = kNever;  // Until it arrived, or was lost where that is known.
  std::uint64_t number = 0;
  std::uint32_t flow = 0;     // Counted from 0.
  std::uint32_t payload = 0;  // As sent: from 1; 0 when it is not kept.
  std::uint32_t got = 0;      // As it arrived, where that is something else; else 0.
  std::uint32_t size = 0;     // Bytes of the payload as sent.
  unsigned traits = 0;
  std::uint32_t why = 0;  // It was lost: from 1; 0 when nobody knows.
};

class PageLadder {
 public:
  static constexpr std::size_t kNotKept = ~std::size_t{0};

  explicit PageLadder(const PageBounds& bounds = {}) : bounds_(bounds) {}

  // The number of a flow of the caller's, as arrows have it; its addresses are those seen first.
  std::uint32_t flow(std::size_t key, Direction direction, const Address& source,
                     const Address& destination);
  // Where it is from now on, or kNotKept.
  std::size_t add(PageArrow arrow, std::span<const std::byte> payload);
  PageArrow& at(std::size_t place) { return arrows_[place]; }
  // The bytes of an arrow as they arrived.
  void arrived_as(std::size_t place, std::span<const std::byte> payload);
  void lose(std::size_t place, std::string_view why);
  // A call of the application has ended.
  void end(const RunEvent& event, std::uint32_t flow = 0);

  std::size_t size() const { return arrows_.size(); }
  std::uint64_t seen() const { return seen_; }

  // "flows", "arrows", "payloads", "reasons" and "ends" of a run. Times count from the first arrow.
  void add_to(nlohmann::ordered_json& run) const;

 private:
  struct Flow {
    std::string client;
    std::string server;
  };
  struct End {
    Instant time;
    Duration elapsed{};
    std::uint32_t attempts = 0;
    std::uint32_t flow = 0;
    std::uint32_t name = 0;
    bool is_good = false;
  };

  std::uint32_t payload(std::span<const std::byte> bytes);
  std::uint32_t reason(std::string_view why);

  PageBounds bounds_;
  std::vector<PageArrow> arrows_;
  std::vector<End> ends_;
  std::uint64_t seen_ = 0;
  std::uint64_t ends_seen_ = 0;
  std::uint64_t payloads_left_out_ = 0;
  std::vector<Flow> flows_;
  std::unordered_map<std::size_t, std::uint32_t> flow_numbers_;
  std::vector<std::string> reasons_;
  std::vector<std::byte> bytes_;      // Of all payloads.
  std::vector<std::size_t> lengths_;  // Of what is kept of each.
  std::unordered_map<std::string, std::uint32_t> payload_numbers_;
};

}  // namespace lossy
