// netem's words: what people write behind `tc qdisc add dev eth0 root netem`.
//
// What tc of iproute2 6.1 accepts is accepted, abbreviations and units included, and means what it
// means there: a bare 0.1 is 0.1 %, a bare time is microseconds, a bare rate is bits a second. What
// tc refuses is refused. On top of it stand words of lossy's own, always written out:
//
//   seed N                      the random numbers of this direction
//   loss every N                every N-th datagram
//   flip PERCENT [CORRELATION] [bits N]
//                               bits that the checksum misses (netem's corrupt, which a checksum
//                               sees, is a loss)
//   truncate PERCENT [CORRELATION]
//                               the payload cut off
//   hold PERCENT TIME [CORRELATION]
//                               held back by TIME, so that later ones pass
//   keep-order                  jitter does not reorder
//   trace FILE                  a mahimahi trace instead of a rate
//   queue N, queue-bytes SIZE   what may wait for the rate
//   mtu SIZE                    larger IP packets vanish
//   outage FROM..TO             nothing gets through; may be repeated
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/link/settings.hpp"
#include "harness/link/text.hpp"

namespace lossy {

// A line that cannot be read, and where: the word is `size` bytes from `offset` on, or a place
// behind the end where one is missing. what() quotes the word.
class NetemError : public TextError {
 public:
  NetemError(const std::string& what, std::size_t word_offset, std::size_t word_size)
      : TextError(what), offset(word_offset), size(word_size) {}

  std::size_t offset;
  std::size_t size;
};

// Gives the text of a distribution or a trace that a line names. May throw TextError or
// std::system_error.
struct TableFiles {
  std::function<std::string(const std::string& name)> distribution;
  std::function<std::string(const std::string& name)> trace;
};

// Throws NetemError. A word sets all that it stands for: `delay 10ms` also says that there is no
// jitter. Nothing is said of what the line does not name. An empty line says nothing.
LinkSettings parse_netem(std::string_view line, const TableFiles& files);

// The line that says the same, in canonical form: parse_netem() gives the same settings. (A field
// that only goes with others, such as a jitter without a delay, stands with them.)
std::string format_netem(const LinkSettings& settings);

// "0s: loss 1%; 5s: loss 100%; 6s: delay 80ms loss 1%": netem lines and the moments from which they
// hold, rising. What a line does not name stays as it was before. Throws NetemError.
std::vector<std::pair<Instant, LinkSettings>> parse_timeline(std::string_view text,
                                                             const TableFiles& files);
std::string format_timeline(const std::vector<std::pair<Instant, LinkSettings>>& phases);

}  // namespace lossy
