// What is in a capture: its flows, and what became of their datagrams. One pass, in memory that
// does not grow with the file.
//
// Recordings of ours (recorded_by()) show both hosts, and tell what the path did; any other capture
// shows one, and tells which requests were answered.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include <lossy/harness/capture/exchanges.hpp>
#include <lossy/harness/capture/flow_views.hpp>
#include <lossy/harness/capture/frame.hpp>
#include <lossy/harness/capture/path_metrics.hpp>
#include <lossy/harness/capture/reassembler.hpp>
#include <lossy/harness/capture/recorder.hpp>
#include <lossy/harness/capture/server_finder.hpp>

namespace lossy {

// How many flows are told apart, at most.
inline constexpr std::size_t kInspectedFlowsMax = std::size_t{1} << 16;

struct InspectedTraffic {
  std::uint64_t datagrams = 0;  // As often as they were seen.
  std::uint64_t bytes = 0;      // Of their payloads.
};

struct InspectedFlow {
  std::uint64_t number = 0;  // From 1, in the order they appear.
  Address client;
  Address server;
  ServerReason server_reason = ServerReason::kRecording;  // Why it is that one.
  // Of a flow in which a server answers what was asked of another port or address (TFTP, SSDP,
  // DHCP): the number of that flow; else 0. Answers to it count there.
  std::uint64_t answers_flow = 0;
  std::uint32_t interface = 0;  // 0 where there is none, or more than one.
  bool two_sided = false;
  // Of a proxy's recording, where the addresses before and behind the proxy make one flow: the
  // proxy's, as the client has it and, once the server has seen it, as the server has it latest.
  std::optional<Address> proxy_outside{};
  std::optional<Address> proxy_inside{};
  Instant first = Instant::max();
  Instant last = Instant::min();
  InspectedTraffic uplink;
  InspectedTraffic downlink;
  std::uint64_t repeated = 0;   // As FlowViews has it.
  std::uint64_t elsewhere = 0;  // Answers to the flow that this one answers.
  // Of two-sided recordings.
  PathCounters uplink_path;
  PathCounters downlink_path;
  // Of all others.
  ExchangeCounters exchanges;
};

// What came of the records that one carrier was met in, but for pieces of packets.
struct InspectedCarrier {
  std::uint64_t datagrams = 0;
  SkipCounts skipped{};  // By SkipReason.
};

struct Inspection {
  std::uint64_t records = 0;  // Looked at: datagrams, skipped ones, joined ones and notes.
  std::vector<std::uint64_t> by_interface;  // The same, by CaptureRecord::interface; 0 beyond it.
  SkipCounts skipped{};  // By SkipReason. Pieces of packets that became whole are joined ones.
  // By Carrier. Of VXLAN, Geneve and GTP-U it is what is inside, be that what counts or not.
  std::array<InspectedCarrier, kCarrierCount> carried{};
  InspectedTraffic traffic;
  std::uint64_t two_sided = 0;  // Datagrams with the mark of a recording, either one.
  std::uint64_t notes = 0;  // Of datagrams under way when a recording ended: no skipped records.
  // Datagrams with the mark of a recording whose interfaces were lost, as in another link type.
  std::uint64_t unplaced = 0;
  // Datagrams whose number came before, which no recording has: several are in one file.
  std::uint64_t mixed = 0;
  std::array<std::uint64_t, kChecksumCount> udp_checksums{};  // By Checksum.
  std::uint64_t bad_ip_checksums = 0;
  // Datagrams that most likely are several, which the kernel had merged: longer than a packet on
  // Ethernet, with a checksum that was left to the network card.
  std::uint64_t merged = 0;
  Instant first = Instant::max();  // Of the datagrams, by their times, in whatever order.
  Instant last = Instant::min();
  std::vector<InspectedFlow> flows;
  ServerFinder servers;          // Explains who serves.
  std::uint64_t flows_seen = 0;  // Those that do not count included.
  // Flows that began before what tells who serves did: better_servers() is for a second reading.
  std::uint64_t mistaken = 0;
  std::uint64_t beyond_flows = 0;  // Datagrams of flows beyond kInspectedFlowsMax.
  ReassemblyCounters reassembly;
  std::uint64_t never_whole = 0;  // Packets that still waited for pieces at the end.
  PathMetrics uplink;
  PathMetrics downlink;
  ExchangeCounters exchanges;
  Histogram response_times;
};

struct InspectOptions {
  std::uint64_t flow = 0;  // The only one that counts, by its number; 0 is all of them.
  std::optional<std::uint16_t> server_port{};  // Where the server listens, if that is known.
  std::optional<ServerFinder> servers{};       // That a first reading of the same gave.
  FlowViews::Copies copies = FlowViews::Copies::kSightings;
};

// What one record shows.
struct Sight {
  const Frame* frame = nullptr;  // Or nothing, and why there is nothing else.
  Skipped skipped{};
  std::uint64_t flow = 0;  // 0 beyond kInspectedFlowsMax.
  bool uplink = true;      // From the client to the server.
  bool two_sided = false;
  bool repeated = false;   // As FlowViews has it.
  bool elsewhere = false;  // The answer to another flow.
  // Of a note: the datagram that was under way, in the flow above; valid until the next record.
  const Frame* in_flight = nullptr;
};

class Inspector {
 public:
  explicit Inspector(const InspectOptions& options = {})
      : options_(options), servers_(options.servers.value_or(ServerFinder(options.server_port))) {}

  // Call both for the records of one capture, in their order. What a record shows is valid as long
  // as what was decoded; it is nothing when the record is of a flow that does not count.
  Decoded decode(const CaptureRecord& record) { return reassembler_.decode(record); }
  std::optional<Sight> add(const CaptureRecord& record, const Decoded& decoded);

  // Of what was decoded until now.
  const ReassemblyCounters& reassembly() const { return reassembler_.counters(); }

  // What all records together say of who serves; nothing when that is how they were taken.
  std::optional<ServerFinder> better_servers() const;

  // Call it once, when the records have ended.
  Inspection finish();

 private:
  struct Key {
    Address one;
    Address other;
    std::uint32_t recorded = 0;  // Of a proxy's recording, the flow in it.
    RecordedBy by = RecordedBy::kSomebody;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct HashKey {
    std::size_t operator()(const Key& key) const;
  };
  // What is only told of flows that one host's capture shows.
  struct OneSided {
    FlowViews views;
    Exchanges exchanges{};
    bool waits = false;     // What was asked last was not answered yet.
    bool answered = false;  // By the server itself.
  };
  struct Flow {
    Key key;
    InspectedFlow report;
    bool first_is_request = true;
    std::unique_ptr<std::array<PathTracker, 2>> paths;     // Uplink and downlink.
    std::array<std::optional<std::uint16_t>, 2> latest{};  // The same: the last number sent.
    std::unique_ptr<OneSided> one_sided;
  };

  static Key key_of(const Frame& frame, RecordedBy by);
  static bool is_of(const Key& key, const Frame& frame, RecordedBy by);
  Flow* flow_of(const Frame& frame, RecordedBy by);
  void identify(Flow& flow, const Frame& frame, RecordedBy by);
  ServerRole role_of(const Flow& flow) const;
  Flow* asked_elsewhere(const Frame& frame);
  static void see_proxy(InspectedFlow& flow, const Frame& frame, bool uplink);
  void count(const CaptureRecord& record);
  void count(const Frame& frame, Instant time, bool two_sided);
  void count_carried(const Carriers& carriers, const Decoded& decoded);
  std::optional<Sight> add_note(const CaptureRecord& record);
  void count_path(Flow& flow, const Frame& frame, Instant time, bool uplink);
  void count_exchange(Flow& flow, const Frame& frame, const CaptureRecord& record, Sight& sight);
  // Follows who waits for whom; gives the flow whose server was asked what comes down here, if it
  // is another one.
  OneSided* follow(Flow& flow, bool uplink);

  InspectOptions options_;
  Inspection inspection_;
  Reassembler reassembler_;
  std::vector<Flow> flows_;
  std::unordered_map<Key, std::size_t, HashKey> index_;
  ServerFinder servers_;
  std::unordered_map<Address, std::vector<std::size_t>> clients_;  // The flows that each began.
  std::size_t latest_ = 0;  // Most datagrams are of the flow of the one before.
  Decoded note_;            // The latest.
  PathBudget path_budget_;
  ExchangeBudget exchange_budget_;
};

}  // namespace lossy
