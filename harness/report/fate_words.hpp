// What a path does to a datagram, in words for people: "lost: drop", "held back 10 ms".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include <lossy/harness/link/observer.hpp>

namespace lossy {

// What is remarkable about a copy, or about all that becomes of a datagram; or nothing. Times are
// written as options have them, or for whoever reads them alone.
enum class Times : std::uint8_t { kAsOptions, kReadable };
std::string words_of(const CopyFate& copy, Times times = Times::kAsOptions);
std::string words_of(const Offer& offer, Times times = Times::kAsOptions);

// The same where a copy arrives, which the link does not tell any more: "copy 2, held back 10 ms".
class FateWords {
 public:
  // How many datagrams are remembered at a time. Beyond these a copy is told by its number alone.
  static constexpr std::size_t kKeptMax = std::size_t{1} << 16;

  std::string offered(const Passage& passage, const Offer& offer);
  std::string delivered(const Passage& passage, const Delivery& delivery);

 private:
  struct Key {
    std::size_t path = 0;
    Direction direction = Direction::kUplink;
    std::uint64_t number = 0;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct HashKey {
    std::size_t operator()(const Key& key) const;
  };
  // Those of a datagram of which something is remarkable.
  struct Copies {
    std::vector<std::string> words;
    std::size_t in_flight = 0;
  };

  std::unordered_map<Key, Copies, HashKey> copies_;
};

}  // namespace lossy
