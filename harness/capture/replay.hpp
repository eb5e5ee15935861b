// Replays a capture as a regression test: gives each endpoint what the capture says it received,
// and compares what it then sends with what the capture says it sent.
//
// A two-sided recording of ours (every frame bears kRecordingMark) is compared in bytes, order,
// destination and time: nothing is drawn at random and no link is asked, because the capture says
// what arrived when. So is one that was made in real time (kClockMark), but for how late the
// machine was: a timeout runs when the capture says that something was sent which it sends, at its
// time or up to a second later; one that sends nothing, a second later at the latest. Of any other
// capture, a proxy's recording (kProxyMark) included, the server's side is compared, in bytes and
// in the order of each flow; times are real there, and of no consequence.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <lossy/core/endpoint.hpp>
#include <lossy/harness/capture/describe.hpp>
#include <lossy/harness/capture/frame.hpp>

namespace lossy {

struct ReplayOptions {
  // The client of a two-sided recording: new, made from the scenario that the recording was made
  // from, and used up by the replay. Without one only the server is checked.
  Endpoint* client = nullptr;
  // The same for the server; without one it is a lossy::Server.
  Endpoint* server = nullptr;
  // The server where a capture does not show both sides, which may have been asked anything;
  // without one it is that other one.
  Endpoint* server_alone = nullptr;
  // Where the server listens in a capture that bears no mark of ours, and whether it answers from
  // other ports, too.
  std::uint16_t server_port = 9999;
  bool server_has_every_port = false;
  bool inner = false;          // What VXLAN, Geneve and GTP-U carry counts instead.
  PayloadWords words{};        // How payloads read in a difference; without them they are quoted.
  bool bad_checksums = false;  // They are taken, as in files whose addresses were changed.
  // Told now and then how many bytes were read, of how many: the file is read twice.
  std::function<void(std::uint64_t, std::uint64_t)> on_read{};
};

enum class ReplayStatus : std::uint8_t {
  kHolds,
  kDiffers,
  kNotTried,  // The file cannot be read, or holds nothing that could be checked.
};
std::string_view to_string(ReplayStatus status);  // "holds", "differs", "not_tried".

struct ReplayResult {
  std::string path;
  ReplayStatus status = ReplayStatus::kNotTried;
  std::string reason;      // One line, of kNotTried.
  std::string difference;  // Some lines, of kDiffers: the first difference and what led up to it.
  std::uint64_t different_record = 0;  // Where that shows; 0 where nobody can tell.
  bool two_sided = false;              // It shows both hosts.
  bool real_time = false;              // Without a proxy, in real time.
  bool proxied = false;                // And a proxy between them, in real time.
  bool client_checked = false;
  bool was_broken =
      false;  // A property did not hold in the run: it is not what is to be had again.

  // Counted over the whole file.
  std::uint64_t records = 0;
  SkipCounts skipped{};  // By SkipReason, but for pieces of packets that became whole.
  std::uint64_t other =
      0;  // Datagrams that are not of the protocol: other ports, another mark or none.
  std::uint64_t flows = 0;  // Pairs of addresses (and, unless two-sided, interfaces).

  // Counted up to the first difference.
  std::uint64_t received = 0;      // Datagrams given to the endpoints.
  std::uint64_t sent = 0;          // Datagrams that the endpoints sent as the capture says.
  std::uint64_t repeated = 0;      // As FlowViews has it.
  std::uint64_t unasked = 0;       // Answers in front of a flow's first request.
  std::uint64_t cut_off = 0;       // Answers of the server that a proxied flow ended before.
  std::uint64_t bad_checksum = 0;  // Thrown away by the host, as their checksum demands.
};

// Reads the file twice, and holds no more of it than a few records and one-sided answers that are
// due. Bytes in a file never throw; an endpoint's std::logic_error passes through.
ReplayResult replay_capture(const std::string& path, const ReplayOptions& options = {});

// The result for people: a line or more, each ended by a line feed.
std::string replay_text(const ReplayResult& result);

}  // namespace lossy
