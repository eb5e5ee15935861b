// One side of one transfer: a client's or a server's, sending or receiving.
//
// At most one datagram is unanswered. Who sent it repeats it until it is answered or has been sent
// so often as the options allow: RFC 8085 section 3.1, with RFC 6298's estimator and Karn's rule. A
// request, an OACK and DATA want an answer; an ACK does not, and is repeated only when what it
// acknowledges comes again. So of two sides one has a timer, and a datagram that comes twice is
// answered at most twice: RFC 1123 section 4.2.3.1, which calls what happens otherwise the
// Sorcerer's Apprentice.
//
// The receiver has the file with the last block. It stays for a while, to acknowledge that block
// again; the sender cannot know the end of a transfer of which every last ACK is lost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lossy/core/endpoint.hpp>
#include <lossy/core/rtt_estimator.hpp>
#include <lossy/core/tftp/message.hpp>

namespace lossy::tftp {

enum class End : std::uint8_t {
  kDone,     // The whole file has arrived, or all of it was acknowledged.
  kGaveUp,   // No answer, however often it was sent.
  kRefused,  // The other side sent an ERROR, or nobody listens.
  kBroken,   // The other side did what TFTP does not have; an ERROR says so to it.
};
// "done", "gave_up", "refused", "broken".
std::string_view to_string(End end);

struct TransferSetup {
  bool is_client = true;
  bool sends = false;
  Address peer{};                  // A client's server, at the port where requests go.
  std::optional<Address> local{};  // What it sends from.
  std::string file{};
  std::vector<std::byte> content{};  // Of one that sends.
  // What a client asks for, and what a server grants: without any there is no OACK.
  TransferOptions options{};
  std::uint64_t file_bytes_max = std::uint64_t{1} << 30;  // Of one that receives.
  RetryOptions retry{};
  // The bug of RFC 1123 section 4.2.3.1: an ACK that comes again has DATA sent again.
  bool answers_every_ack = false;
};

struct TransferCounters {
  std::uint64_t sent = 0;      // Of any kind, repeated ones among them.
  std::uint64_t repeated = 0;  // For a timeout, or because what they answer came again.
  std::uint64_t stale = 0;     // Of an earlier block: answered again, or ignored.
  std::uint64_t strange = 0;   // From another port of the peer's host, or what cannot come now.
};

class Transfer {
 public:
  // What a client begins with is due at once; a server's transfer begins with the request answered.
  Transfer(TransferSetup setup, Instant now);

  // False when it comes from elsewhere than the other side of this transfer.
  bool handle(Instant now, const Address& source, const Parsed& message);
  // Nobody listens at the peer's port.
  void handle_refusal();
  // The request that began this transfer of a server came again.
  void handle_request_again(Instant now);
  void handle_timeout(Instant now);
  std::optional<Transmit> poll_transmit(Instant now, std::span<std::byte> buffer);
  std::optional<Instant> poll_timeout() const;

  const TransferSetup& setup() const { return setup_; }
  // The port that the other side has for this transfer, once it is known: else where requests go.
  const Address& peer() const { return setup_.peer; }
  // How it ended, if it has; it may still stay to acknowledge the last block again.
  std::optional<End> end() const { return end_; }
  // Nothing more can happen.
  bool is_over() const { return end_ && next_ == Next::kNothing && !stays_until_; }
  // Of an end that is not kDone: the ERROR, or a sentence.
  const std::string& reason() const { return reason_; }
  // Whether a whole file has arrived that nobody has taken yet; and taking it.
  bool has_file() const { return end_ == End::kDone && !setup_.sends && !is_taken_; }
  std::vector<std::byte> take_file() {
    is_taken_ = true;
    return std::exchange(received_, {});
  }
  // Bytes acknowledged, or received.
  std::uint64_t bytes() const;
  const TransferCounters& counters() const { return counters_; }

 private:
  // What the latest datagram was, and so what is sent when it is sent again.
  enum class Turn : std::uint8_t { kRequest, kOptionAck, kData, kAck, kError };
  // Whether it is due.
  enum class Next : std::uint8_t { kNothing, kSend, kRepeat };

  void take(Instant now, const Data& data);
  // What was acknowledged last came once more.
  void acknowledge_again(Instant now);
  void take(Instant now, const Ack& ack);
  void take(Instant now, const Error& error);
  void take(Instant now, const OptionAck& ack);
  void take(Instant now, const Request& request);
  void take(Instant now, Malformed why);
  // Whether the message is one that this side can get from the other at all.
  bool is_expected(const Parsed& message) const;
  // And, of such, whether it can be the first.
  bool is_first_answer(const Parsed& message) const;
  // What was sent was answered: measures it, if it was sent once.
  void answered(Instant now);
  void due(Turn turn);
  void send_next_block();
  void apply(const TransferOptions& options);
  void end_as(End end, std::string reason);
  void break_off(ErrorCode code, std::string_view why);
  Message message() const;
  bool wants_answer() const { return turn_ != Turn::kAck && turn_ != Turn::kError; }
  // How long it can take that the other side sends something, if anything arrives.
  Duration patience() const;

  TransferSetup setup_;
  RttEstimator estimator_;
  TransferCounters counters_;
  std::uint16_t block_bytes_ = kBlockBytes;
  std::uint64_t blocks_ = 0;  // Of the file, of one that sends.
  std::uint64_t block_ = 0;   // The one that is sent, or the last that was received.
  std::vector<std::byte> received_;
  std::uint64_t received_bytes_ = 0;
  bool is_taken_ = false;
  bool knows_peer_ = false;
  Turn turn_ = Turn::kRequest;
  Next next_ = Next::kNothing;
  int attempts_ = 0;
  Duration rto_{};
  Instant sent_{};
  std::optional<Instant> deadline_{};     // For an answer, or of all patience.
  std::optional<Instant> stays_until_{};  // After the end, to acknowledge again.
  std::optional<End> end_{};
  std::string reason_;
  ErrorCode error_ = ErrorCode::kUndefined;
};

}  // namespace lossy::tftp
