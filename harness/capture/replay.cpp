#include <lossy/harness/capture/replay.hpp>

#include <fmt/format.h>
#include <sys/stat.h>

#include <numeric>

#include <lossy/core/counted.hpp>
#include <lossy/core/escape.hpp>
#include <lossy/core/greeting/server.hpp>
#include <lossy/harness/capture/one_sided_replay.hpp>
#include <lossy/harness/capture/reader.hpp>
#include <lossy/harness/capture/reassembler.hpp>
#include <lossy/harness/capture/two_sided_replay.hpp>

namespace lossy {
namespace {

class Replay {
 public:
  Replay(const std::string& path, const ReplayOptions& options)
      : options_(options),
        shown_path_(escape_controls(path)),
        one_sided_(options.server_port, options.server_has_every_port) {
    result_.path = path;
    one_sided_.describe_with(options.words);
    proxied_.describe_with(options.words);
    if (options.bad_checksums) {
      one_sided_.take_bad_checksums();
      proxied_.take_bad_checksums();
    }
  }

  ReplayResult run() {
    if (!survey()) return result_;
    auto opened = PcapReader::open(result_.path);
    if (const auto* error = std::get_if<CaptureError>(&opened)) return not_tried(error->text);
    PcapReader& reader = std::get<PcapReader>(opened);
    prepare(reader, 1);
    if (result_.proxied) {
      run_one_sided(reader, proxied_);
    } else if (result_.two_sided) {
      run_two_sided(reader);
    } else {
      run_one_sided(reader, one_sided_);
    }
    // The file was whole a moment ago.
    if (reader.error()) return not_tried(reader.error()->text);
    return result_;
  }

 private:
  const ReplayResult& not_tried(const std::string& reason) {
    result_.status = ReplayStatus::kNotTried;
    result_.reason = reason;
    result_.difference.clear();
    return result_;
  }

  void prepare(PcapReader& reader, std::uint64_t readings_before) const {
    if (options_.inner) reader.look_inside();
    if (!options_.on_read) return;
    reader.on_read([this, readings_before](std::uint64_t bytes, std::uint64_t in_all) {
      options_.on_read(readings_before * in_all + bytes, 2 * in_all);
    });
  }

  // Reads all of the file to learn what it is, and whether all of it can be read at all.
  bool survey() {
    if (result_.path == "-") {
      not_tried("standard input can be read once, and a capture is read twice");
      return false;
    }
    struct stat status {};
    if (::stat(result_.path.c_str(), &status) == 0 && !S_ISREG(status.st_mode) &&
        !S_ISDIR(status.st_mode)) {
      not_tried(shown_path_ + ": is not a regular file, and a capture is read twice");
      return false;
    }
    auto opened = PcapReader::open(result_.path);
    if (const auto* error = std::get_if<CaptureError>(&opened)) {
      not_tried(error->text);
      return false;
    }
    PcapReader& reader = std::get<PcapReader>(opened);
    prepare(reader, 0);
    std::array<std::uint64_t, kRecordedByCount> datagrams{};  // By RecordedBy.
    std::uint64_t other_ports = 0;
    std::string disorder;
    std::string unplaced;  // The same, where others bear the mark and are of a host.
    Instant last = Instant::min();
    Reassembler reassembler;
    while (const auto record = reader.next()) {
      ++result_.records;
      const auto decoded = reassembler.decode(*record);
      if (const auto* skipped = std::get_if<Skipped>(&decoded)) {
        ++result_.skipped[static_cast<std::size_t>(skipped->reason)];
        continue;
      }
      const Frame& frame = std::get<Frame>(decoded);
      const RecordedBy by = recorded_by(frame);
      ++datagrams[static_cast<std::size_t>(by)];
      if (by == RecordedBy::kSomebody) {
        if (recorded_by(frame.link_address) != by && unplaced.empty())
          unplaced = placeless(*record);
        if (!one_sided_.survey(frame)) ++other_ports;
        continue;
      }
      if (by == RecordedBy::kProxy) proxied_.survey(frame);
      const bool asks = frame.interface == static_cast<std::uint32_t>(RecordedHost::kClient) &&
                        frame.type == PacketType::kOutgoing;
      if (asks && !asked_port_) asked_port_ = frame.destination.port();
      if (disorder.empty()) disorder = disorder_in(*record, frame, last);
      last = record->time;
    }
    leave_out_joined(result_.skipped, reassembler.counters());
    const auto seen = [&](RecordedBy by) { return datagrams[static_cast<std::size_t>(by)]; };
    // Of several recordings in one file the first of these is replayed.
    for (const RecordedBy by :
         {RecordedBy::kRun, RecordedBy::kRealRun, RecordedBy::kBrokenRun, RecordedBy::kProxy}) {
      if (by_ == RecordedBy::kSomebody && seen(by) > 0) by_ = by;
    }
    result_.two_sided = by_ != RecordedBy::kSomebody;
    result_.real_time = by_ == RecordedBy::kRealRun;
    result_.proxied = by_ == RecordedBy::kProxy;
    result_.other = other_ports;
    if (result_.two_sided) {
      result_.other =
          std::accumulate(datagrams.begin(), datagrams.end(), std::uint64_t{0}) - seen(by_);
    }
    if (result_.two_sided && disorder.empty()) disorder = unplaced;
    if (reader.error()) disorder = reader.error()->text;
    if (!disorder.empty()) not_tried(disorder);
    return disorder.empty();
  }

  std::string placeless(const CaptureRecord& record) const {
    return fmt::format("{}: record {} bears the mark of a recording, but is of no host in it",
                       shown_path_, record.number);
  }

  // What makes a marked record one that no recording of ours has, or nothing.
  std::string disorder_in(const CaptureRecord& record, const Frame& frame, Instant last) const {
    const bool in_a_flow = recorded_by(frame) == RecordedBy::kProxy ? recorded_flow(frame) > 0
                                                                    : recorded_flow(frame) == 1;
    if (frame.type == PacketType::kUnknown) return placeless(record);
    if (!in_a_flow) {
      return fmt::format(
          "{}: record {} is of the flow {}, and replay is for two hosts; lossy "
          "golden compares whole runs",
          shown_path_, record.number, recorded_flow(frame));
    }
    if (record.time < last) {
      return fmt::format("{}: record {} goes back in time, which no recording does", shown_path_,
                         record.number);
    }
    return "";
  }

  void run_two_sided(PcapReader& reader) {
    if (options_.server == nullptr && asked_port_ && *asked_port_ != ReplayOptions{}.server_port) {
      not_tried(
          fmt::format("{}: is of another protocol than greetings, and does not say what was "
                      "asked of it: --scenario=FILE.toml does, or --protocol=NAME for the server",
                      shown_path_));
      return;
    }
    result_.client_checked = options_.client != nullptr;
    TwoSidedReplay replay(reader, options_.client, server(), by_);
    replay.describe_with(options_.words);
    if (options_.bad_checksums) replay.take_bad_checksums();
    replay.run();
    result_.flows = replay.flows();
    take(replay);
  }

  void run_one_sided(PcapReader& reader, OneSidedReplay& replay) {
    Endpoint* const alone = options_.server_alone;
    if (alone == nullptr && options_.server == nullptr && replay.flows() > 0 &&
        !replay.has_greetings()) {
      not_tried(fmt::format("{}: no {} in it is a {}, so that lossy's own server says nothing: {}",
                            shown_path_, replay.answers() > 0 ? "answer" : "request",
                            replay.answers() > 0 ? "greeting" : "name to greet", kAgainstHint));
      return;
    }
    replay.run(reader, alone != nullptr ? *alone : server());
    result_.flows = replay.flows();
    result_.repeated = replay.repeated();
    result_.unasked = replay.unasked();
    result_.bad_checksum = replay.bad_checksum();
    result_.cut_off = replay.cut_off();
    take(replay);
  }

  template <typename Side>
  void take(const Side& side) {
    result_.received = side.received();
    result_.sent = side.sent();
    if (!side.failure().empty()) {
      not_tried(shown_path_ + ": " + side.failure());
    } else if (!side.difference().empty()) {
      result_.status = ReplayStatus::kDiffers;
      result_.difference = side.difference();
      result_.different_record = side.different_record();
    } else if (result_.received + result_.sent == 0) {
      not_tried(why_nothing_was_tried());
    } else {
      result_.status = ReplayStatus::kHolds;
    }
  }

  static constexpr std::string_view kAgainstHint =
      "--against=HOST:PORT asks a server of its protocol";

  std::string why_nothing_was_tried() const;

  Endpoint& server() { return options_.server != nullptr ? *options_.server : default_server_; }

  ReplayOptions options_;
  std::string shown_path_;
  ReplayResult result_;
  RecordedBy by_ = RecordedBy::kSomebody;
  std::optional<std::uint16_t> asked_port_;  // Where the first datagram of a client went.
  OneSidedReplay one_sided_;
  OneSidedReplay proxied_{std::nullopt};
  Server default_server_;
};

// "of 10 records 4 skipped (not_udp 3, fragment 1), 2 datagrams of something else", or nothing.
std::string left_out(const ReplayResult& result) {
  const std::uint64_t skipped = sum_of(result.skipped);
  std::string text;
  const auto add = [&](std::uint64_t number, const std::string& what) {
    if (number > 0) text += (text.empty() ? "" : ", ") + what;
  };
  add(skipped, fmt::format("{} skipped ({})", skipped, describe_skipped(result.skipped)));
  add(result.other, fmt::format("{} of something else", result.other));
  add(result.repeated, fmt::format("{} seen a second time", result.repeated));
  add(result.unasked, counted(result.unasked, "answer") + " in front of any request");
  add(result.bad_checksum,
      fmt::format("{} with a bad checksum (--bad-checksums takes them)", result.bad_checksum));
  if (text.empty()) return text;
  return fmt::format("of {}: {}", counted(result.records, "record"), text);
}

std::string Replay::why_nothing_was_tried() const {
  const std::string where =
      result_.two_sided
          ? "no datagram in it was received or sent by an endpoint that is checked"
          : fmt::format("no datagram to port {} in it could be checked", options_.server_port);
  const std::string rest = left_out(result_);
  std::string why = fmt::format("{}: {} ({})", shown_path_, where,
                                rest.empty() ? counted(result_.records, "record") : rest);
  if (!result_.two_sided && result_.other > 0) {
    why += fmt::format(": --port says where the server listens, --protocol=NAME what it speaks, {}",
                       kAgainstHint);
  }
  return why;
}

std::string describe_holding(const ReplayResult& result) {
  if (result.was_broken) {
    return fmt::format(
        "{}: holds: a property did not hold in the run that it shows, and all of them do now\n",
        escape_controls(result.path));
  }
  const std::string who = result.client_checked ? "client and server" : "the server";
  std::string text = fmt::format(
      "{}: holds: {} received {} and sent {} as recorded, {}\n", escape_controls(result.path), who,
      counted(result.received, "datagram"), result.sent, counted(result.flows, "flow"));
  if (result.cut_off > 0) {
    text += fmt::format("{} not looked for: the flow ended within a second of the request\n",
                        counted(result.cut_off, "answer"));
  }
  if (result.proxied) {
    text += "only the server was checked: what the client did depends on real times\n";
  } else if (result.two_sided && !result.client_checked) {
    text += "only the server was checked: the client needs the scenario\n";
  } else if (result.real_time) {
    text += "its times are real: what timeouts sent may be up to a second late\n";
  }
  return text;
}

}  // namespace

std::string_view to_string(ReplayStatus status) {
  switch (status) {
    case ReplayStatus::kHolds:
      return "holds";
    case ReplayStatus::kDiffers:
      return "differs";
    case ReplayStatus::kNotTried:
      break;
  }
  return "not_tried";
}

ReplayResult replay_capture(const std::string& path, const ReplayOptions& options) {
  return Replay(path, options).run();
}

std::string replay_text(const ReplayResult& result) {
  if (result.status == ReplayStatus::kNotTried) return result.reason + "\n";
  std::string text =
      result.status == ReplayStatus::kHolds ? describe_holding(result) : result.difference;
  const std::string rest = left_out(result);
  return rest.empty() ? text : text + rest + "\n";
}

}  // namespace lossy
