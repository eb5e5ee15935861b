#include <lossy/harness/cli/record_command.hpp>

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <variant>

#include <lossy/core/counted.hpp>
#include <lossy/core/escape.hpp>
#include <lossy/harness/capture/live.hpp>
#include <lossy/harness/capture/live_interfaces.hpp>
#include <lossy/harness/capture/privileges.hpp>
#include <lossy/harness/capture/rotating_writer.hpp>
#include <lossy/harness/capture/segment_ring.hpp>
#include <lossy/harness/capture/segmenter.hpp>
#include <lossy/harness/cli/command_line.hpp>
#include <lossy/harness/cli/exit_code.hpp>
#include <lossy/harness/cli/files.hpp>
#include <lossy/harness/cli/json_output.hpp>
#include <lossy/harness/cli/option.hpp>
#include <lossy/harness/cli/progress.hpp>
#include <lossy/harness/cli/record_option.hpp>
#include <lossy/harness/link/netem_units.hpp>
#include <lossy/harness/net/event_loop.hpp>
#include <lossy/harness/net/stop_signal.hpp>
#include <lossy/harness/report/merged_report.hpp>

namespace lossy {
namespace {

constexpr const char* kStandardOutput = "-";
constexpr std::uint64_t kBufferBytesMin = 64 * 1024;
constexpr std::uint64_t kBufferBytesMax = 1 << 30;
constexpr std::uint64_t kRotateBytesMin = 1024;
constexpr std::uint64_t kRotateBytesMax = std::uint64_t{1} << 50;
// How many frames are handed on before signals and times have their turn.
constexpr std::uint64_t kFramesAtATime = 4096;
// The kernel tells of merged packets that --filter leaves out, too.
constexpr Duration kDrainEvery = std::chrono::milliseconds(100);

struct RecordOptions {
  LiveOptions live;
  std::string write;
  std::string filter = "udp";
  std::optional<std::uint64_t> count;
  std::optional<Duration> duration;
  std::optional<std::uint64_t> rotate;
  std::optional<RecordAs> as;
  JsonOption json;
};

// What to type so that this program may capture.
std::string how_to_permit(const RecordOptions& options) {
  std::error_code error;
  const std::string program = std::filesystem::read_symlink("/proc/self/exe", error).string();
  // Setting up the clock of an adapter takes more than reading what passes it.
  const char* const capabilities =
      options.live.timestamps.starts_with("adapter") ? "cap_net_raw,cap_net_admin" : "cap_net_raw";
  return fmt::format("permit it with: sudo setcap {}+ep {} (or use sudo)", capabilities,
                     error ? "PATH" : shell_quoted(program));
}

std::string names_of_interfaces() {
  std::string names;
  for (const LiveInterface& one : live_interfaces()) {
    names += (names.empty() ? "" : ", ") + one.name;
  }
  return names;
}

LiveCapture open_capture(const RecordOptions& options) {
  auto opened = LiveCapture::open(options.live);
  if (const auto* error = std::get_if<LiveError>(&opened)) {
    switch (error->kind) {
      case LiveError::Kind::kNotPermitted:
        throw CannotTry(error->text + "; " + how_to_permit(options));
      case LiveError::Kind::kNoSuchInterface:
        throw CannotTry(error->text + "; there are " + names_of_interfaces() +
                        " (`lossy interfaces` says more)");
      case LiveError::Kind::kOther:
        throw CannotTry(error->text);
    }
  }
  return std::get<LiveCapture>(std::move(opened));
}

// What frames come from, and the user who takes them: see give_up_privileges(). From there on
// nothing has any privilege.
struct Source {
  LiveCapture capture;
  std::variant<SegmentRing, std::string> segments;  // Or why there are none.
  std::string user;
};

Source open_source(const RecordOptions& options) {
  LiveCapture capture = open_capture(options);
  auto segments = SegmentRing::open(capture, options.live.buffer_bytes);
  Source source{std::move(capture), std::move(segments), give_up_privileges()};
  if (const auto why = source.capture.set_filter(options.filter)) {
    throw CannotTry("--filter: " + *why);
  }
  return source;
}

RotatingWriter open_writer(const RecordOptions& options, const Source& source) {
  const CaptureHead head{.link_type = source.capture.link_type(),
                         .nanoseconds = source.capture.is_nanoseconds()};
  if (options.write == kStandardOutput) {
    const int descriptor = ::dup(STDOUT_FILENO);
    if (descriptor < 0) {
      throw std::system_error(errno, std::generic_category(), "cannot use standard output");
    }
    return RotatingWriter(descriptor, "standard output", head);
  }
  try {
    return RotatingWriter(options.write, head, options.rotate);
  } catch (const std::system_error& error) {
    // To root, and under sudo, this comes unexpected.
    if (error.code().value() != EACCES || (source.user.empty() && ::geteuid() != 0)) throw;
    throw CannotTry(
        fmt::format("{} to {}, as whom it is written", error.what(),
                    source.user.empty() ? "root without privileges" : "user " + source.user));
  }
}

class RecordRun final : public EventLoop::Handler {
 public:
  explicit RecordRun(const RecordOptions& options)
      : options_(options),
        source_(open_source(options)),
        writer_(open_writer(options, source_)),
        loop_({.stop = &stop_}),
        progress_("packets") {
    loop_.add(*this);
    loop_.watch(capture_.fd(), *this, 0);
    if (const auto* why = std::get_if<std::string>(&source_.segments)) merged_.cannot_tell = *why;
  }

  int run() {
    fmt::print(stderr, "lossy: recording {} to {}{}{}\n", interface(), target(),
               source_.user.empty() ? "" : " as user " + source_.user,
               capture_.is_nanoseconds() ? "" : ", in microseconds: it has no better");
    fmt::print(stderr, "{}", merged_text_before(merged_));
    try {
      record();
      writer_.finish();
    } catch (const std::system_error& error) {
      if (error.code().value() == EPIPE) throw;  // Whoever read along has had enough.
      failure_ = error.what();
      keep_what_fitted();
    }
    progress_.clear();
    return report();
  }

  void handle_ready(std::uint64_t) override {
    const std::uint64_t left =
        options_.count.value_or(std::numeric_limits<std::uint64_t>::max()) - writer_.records();
    if (left == 0) return;
    capture_.read(static_cast<std::size_t>(std::min(left, kFramesAtATime)),
                  [this](const CaptureRecord& frame) { take(frame); });
    writer_.flush();  // Whoever reads along sees each block when it comes.
    progress_.update(writer_.records());
  }
  void handle_timeout(Instant now) override {
    if (until_ && *until_ <= now) until_.reset();
    if (!drain_at_ || *drain_at_ > now) return;
    ring_->drain(segmenter_.sizes());
    drain_at_ = saturating_add(now, kDrainEvery);
  }
  std::optional<Instant> poll_timeout() const override {
    return until_ && drain_at_ ? std::min(until_, drain_at_) : until_ ? until_ : drain_at_;
  }

 private:
  void take(const CaptureRecord& frame) {
    if (has_all()) return;
    if (ring_ != nullptr) ring_->drain(segmenter_.sizes());  // It is told of before it comes.
    segmenter_.hand_on(frame, [this](const CaptureRecord& record) {
      writer_.write(record, {.interface_name = options_.live.interface});
      return !has_all();
    });
  }

  std::string interface() const { return escape_controls(options_.live.interface); }
  std::string target() const {
    return options_.write == kStandardOutput ? "standard output" : escape_controls(options_.write);
  }

  bool has_all() const { return options_.count && writer_.records() >= *options_.count; }

  void record() {
    if (ring_ != nullptr) drain_at_ = loop_.read_clock();
    if (options_.duration) until_ = saturating_add(loop_.read_clock(), *options_.duration);
    const auto end = loop_.run(
        [this] { return has_all() || capture_.error() || (options_.duration && !until_); });
    if (end == EventLoop::End::kStopped) signal_ = stop_.take();
    if (has_all()) return;
    // What came before this moment is still on its way.
    capture_.stop();
    until_ = saturating_add(loop_.read_clock(), 2 * LiveCapture::kDelayMax);
    loop_.run([this] { return has_all() || !until_; });
  }

  void keep_what_fitted() {
    try {
      writer_.finish();
    } catch (const std::system_error&) {
      // It could not even be closed, or named: trouble() says so.
    }
  }

  std::string files_text() const {
    if (options_.write == kStandardOutput) return target();
    const auto& files = writer_.files();
    if (files.empty()) return "no file";
    if (files.size() == 1) return escape_controls(files.front());
    return fmt::format("{} files, {} to {}", files.size(), escape_controls(files.front()),
                       escape_controls(files.back()));
  }

  // What went wrong, if anything did.
  std::string trouble() const {
    if (failure_.empty()) return capture_.error().value_or("");
    const char* const left = !writer_.has_lost_file()            ? "what fitted is kept"
                             : options_.write == kStandardOutput ? "the end may be lost"
                                                                 : "the last file is lost";
    return escape_controls(failure_) + "; " + left;
  }

  void count_merged() {
    merged_.handed_on = segmenter_.counters();
    merged_.lost = segmenter_.sizes().lost();
    if (ring_ != nullptr) merged_.missed = ring_->missed();
  }

  int report() {
    count_merged();
    const LiveCapture::Drops drops = capture_.drops();
    const std::string why = trouble();
    if (!why.empty()) fmt::print(stderr, "lossy: {}\n", why);
    fmt::print(stderr, "lossy: {}recorded {} to {}; the kernel dropped {}\n",
               signal_ ? fmt::format("stopped by {}: ", stop_signal_name(*signal_)) : "",
               counted(writer_.records(), "packet"), files_text(),
               drops.buffer_full + drops.interface);
    if (drops.buffer_full > 0) {
      fmt::print(stderr,
                 "lossy: {} found its buffer full: give it a larger --buffer than {} bytes, or "
                 "match less with --filter\n",
                 drops.buffer_full, options_.live.buffer_bytes);
    }
    if (drops.interface > 0) {
      fmt::print(stderr, "lossy: {} dropped by {} itself\n",
                 counted(drops.interface, "was", "were"), interface());
    }
    fmt::print(stderr, "{}", merged_text(merged_));
    if (options_.json.is_wanted()) write_json(drops, why);
    return why.empty() && drops.buffer_full + drops.interface == 0 ? kHolds : kDoesNotHold;
  }

  void write_json(const LiveCapture::Drops& drops, const std::string& why) {
    nlohmann::ordered_json json{
        {"command", "record"},
        {"interface", options_.live.interface},
        {"filter", options_.filter},
        {"link_type", capture_.link_type()},
        {"nanoseconds", capture_.is_nanoseconds()},
        {"packets", writer_.records()},
        {"dropped", {{"buffer_full", drops.buffer_full}, {"interface", drops.interface}}},
        {"merged", merged_json(merged_)},
        {"files", writer_.files()}};
    if (signal_) json["stopped_by"] = stop_signal_name(*signal_);
    if (!why.empty()) json["error"] = why;
    json_.write_last(json);
  }

  const RecordOptions& options_;
  Source source_;
  LiveCapture& capture_ = source_.capture;
  SegmentRing* ring_ = std::get_if<SegmentRing>(&source_.segments);
  Segmenter segmenter_;
  MergedReport merged_{.interface = options_.live.interface};
  RotatingWriter writer_;
  JsonOutput json_{options_.json};
  StopSignal& stop_ = stop_signal();  // Until now there is nothing that a signal could spoil.
  EventLoop loop_;
  Progress progress_;
  std::optional<Instant> until_;
  std::optional<Instant> drain_at_;
  std::optional<int> signal_;
  std::string failure_;
};

std::string required_text(std::string_view text) {
  if (text.empty()) throw TextError("the expression is missing");
  return std::string(text);
}

std::uint64_t parse_size(std::string_view text, std::uint64_t min, std::uint64_t max) {
  const std::uint64_t bytes = parse_tc_size(text, max);
  if (bytes < min) throw TextError(fmt::format("it must be at least {}k", min / 1024));
  return bytes;
}

void add_options(CLI::App& record, RecordOptions& options) {
  record
      .add_option("-i,--interface", options.live.interface,
                  "what to capture on; `lossy interfaces` lists what there is")
      ->required()
      ->type_name("NAME");
  add_path(record, "-w,--write", options.write,
           "the capture to write: a pcap file, a pcapng when its name ends in .pcapng, or - for "
           "standard output",
           "FILE")
      ->required();
  add_record_as(record, options.as, {kAllRecordAs.begin(), kAllRecordAs.end()},
                "the link type, where the interface has more than one: any has sll2 and sll [any: "
                "sll2]");
  add_filter(record, options.filter,
             "record only what this matches, as tcpdump has it; 'greater 0' is everything [udp]");
  add_parsed(
      record, "-c,--count", options.count,
      [](std::string_view text) {
        return parse_whole(text, 1, std::numeric_limits<std::int64_t>::max());
      },
      "end after so many packets", "N");
  add_parsed(
      record, "--duration", options.duration,
      [](std::string_view text) {
        const Duration duration = parse_duration(text);
        if (duration == Duration::zero())
          throw TextError("it must be above 0: nothing comes at once");
        return std::optional(duration);
      },
      "end after this time", "TIME");
  add_parsed(
      record, "--rotate", options.rotate,
      [](std::string_view text) { return parse_size(text, kRotateBytesMin, kRotateBytesMax); },
      "begin a new file before one grows beyond this: FILE's name with -00001, -00002 and so on "
      "before its suffix",
      "SIZE");
  add_parsed(
      record, "--buffer", options.live.buffer_bytes,
      [](std::string_view text) {
        return static_cast<std::uint32_t>(parse_size(text, kBufferBytesMin, kBufferBytesMax));
      },
      "what waits in the kernel meanwhile: 64k to 1024m [32m]", "SIZE");
  add_parsed(record, "--timestamps", options.live.timestamps, required_text,
             "whose clock, as in host or adapter; `lossy interfaces --json` lists them [host]",
             "KIND");
  record.add_flag_callback(
      "-p,--no-promiscuous-mode", [&options] { options.live.promiscuous = false; },
      "leave alone what is for other hosts");
  options.json.add_to(record, "print what was recorded as one JSON object");
}

}  // namespace

void add_record_command(CLI::App& app, std::function<int()>& command) {
  auto options = std::make_shared<RecordOptions>();
  CLI::App* record = app.add_subcommand(
      "record", "Capture what passes a network interface, until SIGINT (Ctrl-C) or SIGTERM.");
  add_options(*record, *options);
  record->footer(
      "A file has its name once it is whole; whoever is killed leaves FILE.pcap.1234-1.part, with\n"
      "the process's number, which every command reads. Exit code 1 when something is missing "
      "from\n"
      "it: the kernel dropped packets, the disk was full, the interface went away.\n"
      "Datagrams that the kernel merged into one packet (UDP_SEGMENT, GRO) are recorded one by "
      "one,\n"
      "from Linux 6.2 on; what cannot be told apart is said.\n"
      "Capturing takes privileges, which are given up before anything is written: under sudo the\n"
      "files belong to you.\n"
      "Examples:\n"
      "  sudo lossy record --interface=any --write=seen.pcap --filter='udp port 9999'\n"
      "  lossy record -i lo -w seen.pcap --count=100 --duration=1min\n"
      "  lossy record -i eth0 -w - --duration=10s | lossy inspect - --trace");
  record->callback([options, &command] {
    if (options->as) options->live.link_type = link_type_of(*options->as);
    const bool to_output = options->write == kStandardOutput;
    if (to_output && options->rotate) {
      throw usage_error("--rotate", "standard output is one file; name another with --write");
    }
    if (to_output && options->json.replaces_text()) {
      throw usage_error("--json", "the capture goes there already; name a file, as in --json=FILE");
    }
    refuse_overwriting({{"--json", options->json.file}}, {{"--write", options->write}});
    if (to_output && ::isatty(STDOUT_FILENO) == 1) {
      throw usage_error("--write", "a terminal cannot show a capture; pipe it into something");
    }
    command = [options] { return RecordRun(*options).run(); };
  });
}

}  // namespace lossy
