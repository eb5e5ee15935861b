// Records of a capture in words, and the last few of them, for those who look into a difference.
#pragma once

#include <cstddef>
#include <deque>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lossy/core/clock.hpp>
#include <lossy/core/protocol.hpp>
#include <lossy/harness/capture/capture_record.hpp>
#include <lossy/harness/capture/frame.hpp>

namespace lossy {

// "0.100000000 s", to the nanosecond.
std::string describe_time(Instant time);

// What a payload says in a protocol's words, or, without these, in quotes, escaped and cut when it
// is long: 15 bytes "Hello, Michael!"
using PayloadWords = Protocol::Describe;
std::string describe_payload(std::span<const std::byte> payload, const PayloadWords& words = {});

// Whether the words of two payloads say all about how they differ.
bool told_apart(std::span<const std::byte> one, std::span<const std::byte> other,
                const PayloadWords& words);

// "no datagram (not_udp in gre)": why there is none, and what carried what is there. A piece of an
// IP packet is called that: what it is a part of may come.
std::string describe(const Skipped& skipped);

// "not_udp 3, fragment 1": what is not zero.
std::string describe_skipped(const SkipCounts& counts);

// One line: where the record stands, when it was, and which datagram it shows or why it shows none.
std::string describe_record(const CaptureRecord& record, const PayloadWords& words = {});

// The last `size` records that were seen, and the words for their payloads.
class RecordTail {
 public:
  explicit RecordTail(std::size_t size, PayloadWords words = {})
      : size_(size), words_(std::move(words)) {}

  const PayloadWords& words() const { return words_; }

  // Copies the record. Allocates only until `size` of them were seen.
  void push(const CaptureRecord& record);

  // From the oldest to the latest; valid until the next push().
  std::vector<CaptureRecord> records() const;

 private:
  struct Kept {
    CaptureRecord record;
    std::vector<std::byte> frame;
  };

  std::size_t size_;
  PayloadWords words_;
  std::deque<Kept> kept_;
};

// The latest `count` of the records that `wanted` accepts, a line each, indented, below a title;
// nothing when there are none.
template <typename Wanted>
std::string describe_what_led_up(const RecordTail& tail, std::size_t count, Wanted&& wanted) {
  std::string text;
  const std::vector<CaptureRecord> records = tail.records();
  for (auto record = records.rbegin(); record != records.rend() && count > 0; ++record) {
    if (!wanted(*record)) continue;
    text.insert(0, "  " + describe_record(*record, tail.words()) + "\n");
    --count;
  }
  return text.empty() ? text : "what led up to it:\n" + text;
}

}  // namespace lossy
