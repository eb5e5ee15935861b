// netem's words: what people write behind `tc qdisc add dev eth0 root netem`.
//
// What tc of iproute2 6.1 accepts is accepted, abbreviations and units included, and means what it
// means there: a bare 0.1 is 0.1 %, a bare time is microseconds (behind `slot` nanoseconds), a bare
// rate is bits a second, a size's k is 1024. What tc refuses is refused. The exceptions:
//
//   1. `ecn` is refused: it marks packets, which cannot mean anything to the payloads of UDP.
//   2. Refused, where tc goes on with something else: a rate in percent of a device's speed; a
//      number without a digit ("duplicate %") or as in C ("0x10%", "inf", "nan"; gap, overheads and
//      cells do read 0x10 and 010); a time, a rate, a gap or a bound that is negative; a time above
//      kDurationMax; a rate above kRateMax or, but for 0, below 1 bit a second.
//   3. Taken at its word, where tc cuts it or lets it overflow: a time has nanoseconds and may be
//      up to kDurationMax long (tc: microseconds, and 274 s); a rate is in bits (tc: in bytes); a
//      probability is exact to 2^-63 (tc: 2^-32); a slot may have 4 GB; the correlation of
//      `duplicate` counts (tc forgets it unless another word has one, too).
//   4. A distribution that is not built in is what TableFiles gives for it; `uniform` is what there
//      is without one. (tc needs a file of that name, which iproute2 does not have.)
//
// As in tc a word that is there twice replaces what it says, and no more: of `delay 9ms 2ms delay
// 5ms` the jitter stays. A second loss is refused, and so is a bound of a slot out of its order.
//
// On top of that stand words of lossy's own, which are always written out:
//
//   seed N                      the random numbers of this direction
//   loss every N                every N-th datagram
//   flip PERCENT [CORRELATION] [bits N]
//                               bits that the checksum misses (netem's corrupt, which a checksum
//                               sees, is a loss)
//   truncate PERCENT [CORRELATION]
//                               the payload cut off
//   hold PERCENT TIME [CORRELATION]
//                               held back by TIME, above 0, so that later ones pass
//   keep-order [off]            jitter does not reorder
//   trace FILE                  a mahimahi trace instead of a rate
//   queue N, queue-bytes SIZE   what may wait for the rate
//   mtu SIZE                    larger IP packets vanish; 0 for no limit
//   outage FROM..TO             nothing gets through; may be repeated, without overlaps
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lossy/harness/link/settings.hpp>
#include <lossy/harness/link/text.hpp>

namespace lossy {

// A line that cannot be read, and where: the word is `size` bytes from `offset` on, or a place
// behind the end where one is missing. what() quotes the word, or the one that misses another.
class NetemError : public TextError {
 public:
  NetemError(const std::string& what, std::size_t word_offset, std::size_t word_size)
      : TextError(what), offset(word_offset), size(word_size) {}

  std::size_t offset;
  std::size_t size;
};

// Gives the text of a distribution or a trace that a line names. May throw TextError or
// std::system_error. Without a function there is no such file.
struct TableFiles {
  std::function<std::string(const std::string& name)> distribution;
  std::function<std::string(const std::string& name)> trace;
};

// Throws NetemError. A word sets all that it stands for: `delay 10ms` also says that there is no
// jitter, and `rate` that there is no trace. Nothing is said of what the line does not name. An
// empty line says nothing.
LinkSettings parse_netem(std::string_view line, const TableFiles& files);

// The line that says the same, in canonical form: parse_netem() gives the same settings. tc reads
// it as the same, too, as long as no word of lossy's own is in it.
//
// What only goes with others stands with them, at their defaults: a jitter alone is "delay 0s 5ms".
// What has no effect and could not be read is left out: a distribution without jitter, netem's
// reorder without a delay, a rate that a trace replaces. Names of tables and traces are printed as
// they are, and only read again when they have no white space (and no semicolon in a timeline).
std::string format_netem(const LinkSettings& settings);

// "0s: loss 1%; 5s: loss 100%; 6s: delay 80ms loss 1%": netem lines and the moments from which they
// hold, rising, as parse_duration() reads them. What a line does not name stays as it was before;
// each line must be one that parse_netem() reads, without seed and outage, which are for the whole
// time. Throws NetemError.
std::vector<std::pair<Instant, LinkSettings>> parse_timeline(std::string_view text,
                                                             const TableFiles& files);
std::string format_timeline(const std::vector<std::pair<Instant, LinkSettings>>& phases);

// "2s..3s", as parse_duration() reads the two times: the end is after the start. Throws TextError.
Outage parse_outage(std::string_view text);
// Adds what parse_outage() reads to those that are there, which are in order and stay so. Throws
// TextError when it overlaps one of them, too.
void add_outage(std::string_view text, std::vector<Outage>& outages);
std::string format_outage(const Outage& outage);

}  // namespace lossy
