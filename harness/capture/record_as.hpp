// The link types that a recording of ours is written with. What reads captures elsewhere may know
// one and not the other; what each of them can say is said in captures/README.md.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <lossy/harness/capture/link_type.hpp>
#include <lossy/harness/capture/recorder.hpp>

namespace lossy {

enum class RecordAs : std::uint8_t {
  kSll2,
  kSll,
  kEthernet,
  kRaw,  // Says neither who saw a packet nor which way: what the server's host sees, and no more.
};
inline constexpr std::array kAllRecordAs = {RecordAs::kSll2, RecordAs::kSll, RecordAs::kEthernet,
                                            RecordAs::kRaw};

std::string_view to_string(RecordAs as);  // "sll2", "sll", "ethernet", "raw".
std::optional<RecordAs> parse_record_as(std::string_view word);

int link_type_of(RecordAs as);
// Nothing for a link type that no recording is written with.
std::optional<RecordAs> record_as_of(int link_type);

// The frame in that form, in `buffer`, which has room for kFrameBytesMax bytes; nothing where that
// form leaves it out. Of a datagram's copies in RAW all but the first have no identification: what
// arrives twice with the same one looks like a packet that was seen twice.
std::optional<std::span<const std::byte>> frame_as(RecordAs as, const RecordedFrame& recorded,
                                                   std::span<std::byte> buffer);

}  // namespace lossy
