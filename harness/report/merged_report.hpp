// What is said of packets into which the kernel had merged datagrams.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include <lossy/harness/capture/segment_ring.hpp>
#include <lossy/harness/capture/segmenter.hpp>

namespace lossy {

// Of a recording.
struct MergedReport {
  std::string interface {};
  std::string cannot_tell{};  // Why nothing is known of them; empty when there is no reason.
  Segmenter::Counters handed_on{};
  SegmentRing::Missed missed{};
  std::uint64_t lost = 0;  // SegmentSizes::lost().
};

// Each line begins with "lossy: ". Empty where there is nothing to say. Before the recording it is
// about what cannot be told, and afterwards about what was met.
std::string merged_text_before(const MergedReport& report);
std::string merged_text(const MergedReport& report);

// Null where nothing is known.
nlohmann::ordered_json merged_json(const MergedReport& report);

}  // namespace lossy
