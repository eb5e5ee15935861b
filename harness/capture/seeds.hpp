// Captures as seeds for a fuzzer: inputs, each a file, for whatever reads datagrams.
//
// A datagram is what it carries, and nothing else. A conversation is what one flow carries, in its
// order: for each datagram a byte that is 0 from the client to the server and 1 the other way, its
// size in two bytes, the higher first, and what it carries. Where a recording shows both hosts it
// is what arrived, in whatever state. A frame is for our own capture_fuzzer, which says at its
// beginning how it is written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <lossy/harness/capture/capture_record.hpp>
#include <lossy/harness/capture/frame.hpp>
#include <lossy/harness/capture/inspector.hpp>

namespace lossy {

enum class SeedKind : std::uint8_t { kDatagrams, kConversations, kFrames };
enum class SeedDirection : std::uint8_t { kBoth, kUplink, kDownlink };

struct SeedOptions {
  SeedKind kind = SeedKind::kDatagrams;
  SeedDirection direction = SeedDirection::kBoth;  // Frames have none: kBoth.
  // Larger ones are left out. A conversation ends before the first datagram that does not fit.
  std::size_t bytes_max = std::size_t{1} << 16;
  std::uint64_t files_max = 10'000;  // That are written.
  InspectOptions inspect{};          // Who serves, where that is asked.

  bool asks_who_serves() const {
    return kind == SeedKind::kConversations || direction != SeedDirection::kBoth;
  }
};

struct SeedCounters {
  std::uint64_t written = 0;  // Files that were not there.
  std::uint64_t same = 0;     // Seeds whose file was there, from before or by another one like it.
  // Why something is no seed, or not all of it. In datagrams, but for `cut`.
  std::uint64_t empty = 0;         // It carries nothing.
  std::uint64_t too_large = 0;     // Alone more than bytes_max.
  std::uint64_t cut = 0;           // Conversations that end before bytes_max.
  std::uint64_t no_memory = 0;     // Of conversations: there are too many, or they are too long.
  std::uint64_t beyond_files = 0;  // In seeds: there were files_max already.
  SkipCounts skipped{};  // Frames, by SkipReason, but for pieces of packets that became whole.
};

// A folder of files that are called by the SHA-1 of their contents, as libFuzzer calls them. What
// is in it is never touched.
class SeedFolder {
 public:
  SeedFolder(const std::string& path, std::uint64_t files_max)
      : path_(path), files_left_(files_max) {}

  // Counts what becomes of the seed. Makes the folder for the first one if there is none. Throws
  // std::system_error.
  void put(std::span<const std::byte> seed, SeedCounters& counters);

 private:
  std::string path_;
  std::uint64_t files_left_;
};

// Makes seeds of the records of one capture.
class SeedMaker {
 public:
  // The folder must outlive this.
  SeedMaker(const SeedOptions& options, SeedFolder& folder)
      : options_(options), folder_(folder), inspector_(options.inspect) {}

  void add(const CaptureRecord& record);
  // Call it once, when the records have ended.
  const SeedCounters& finish();
  // All records say that others serve than were taken for servers.
  bool is_mistaken() const { return inspector_.better_servers().has_value(); }

 private:
  struct Conversation {
    std::vector<std::byte> bytes;
    bool cut = false;
  };

  bool is_asked_for(const Sight& sight) const;
  void add_to_conversation(const Sight& sight);
  void put_frame(const CaptureRecord& record);

  SeedOptions options_;
  SeedFolder& folder_;
  SeedCounters counters_;
  Inspector inspector_;
  std::map<std::uint64_t, Conversation> conversations_;  // By the flow's number.
  std::size_t conversation_bytes_ = 0;
  std::vector<std::byte> buffer_;
};

}  // namespace lossy
