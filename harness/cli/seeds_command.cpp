#include <lossy/harness/cli/seeds_command.hpp>

#include <fmt/format.h>

#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <lossy/core/escape.hpp>
#include <lossy/harness/capture/first_reading.hpp>
#include <lossy/harness/capture/reader.hpp>
#include <lossy/harness/capture/seeds.hpp>
#include <lossy/harness/cli/exit_code.hpp>
#include <lossy/harness/cli/files.hpp>
#include <lossy/harness/cli/json_output.hpp>
#include <lossy/harness/cli/progress.hpp>
#include <lossy/harness/cli/recorded_options.hpp>

namespace lossy {
namespace {

constexpr std::uint64_t kBytesMax = std::uint64_t{1} << 24;
constexpr std::uint64_t kFilesMax = 1'000'000;

constexpr std::array<std::pair<std::string_view, SeedKind>, 3> kKinds = {
    {{"datagrams", SeedKind::kDatagrams},
     {"conversations", SeedKind::kConversations},
     {"frames", SeedKind::kFrames}}};
constexpr std::array<std::pair<std::string_view, SeedDirection>, 3> kSeedDirections = {
    {{"both", SeedDirection::kBoth},
     {"uplink", SeedDirection::kUplink},
     {"downlink", SeedDirection::kDownlink}}};

struct SeedsCommandOptions {
  std::vector<std::string> files;
  std::string folder;
  CaptureChoice choice;
  SeedOptions seeds;
  JsonOption json;
};

template <typename Value, std::size_t kSize>
Value one_of(const std::array<std::pair<std::string_view, Value>, kSize>& words,
             std::string_view text) {
  std::string known;
  for (const auto& [word, value] : words) {
    if (word == text) return value;
    known += (known.empty() ? "" : ", ") + std::string(word);
  }
  throw TextError("there are " + known);
}

struct SeedsOfFile {
  SeedCounters counters;
  std::string error{};
  std::string filtered_out{};  // As PcapReader::filtered_out().
};

SeedsOfFile make_seeds(const std::string& path, const SeedsCommandOptions& options,
                       SeedFolder& folder) {
  auto opened = PcapReader::open(path);
  if (const auto* error = std::get_if<CaptureError>(&opened)) return {{}, error->text};
  PcapReader& reader = std::get<PcapReader>(opened);
  if (const auto why = reader.choose(options.choice)) throw CannotTry("--filter: " + *why);
  reader.on_read(reading_progress());
  SeedOptions seeds = options.seeds;
  if (seeds.asks_who_serves()) {
    seeds.inspect.servers =
        read_servers(path, options.choice, seeds.inspect.server_port, reading_progress());
  }
  SeedMaker maker(seeds, folder);
  while (const auto record = reader.next()) maker.add(*record);
  if (seeds.asks_who_serves() && maker.is_mistaken()) say_mistaken(path);
  return {maker.finish(), reader.error() ? reader.error()->text : std::string(),
          reader.filtered_out()};
}

// What was left out, by the reason: names as they are in JSON.
std::vector<std::pair<std::string, std::uint64_t>> left_out(const SeedCounters& counters) {
  std::vector<std::pair<std::string, std::uint64_t>> reasons = {
      {"empty", counters.empty},
      {"too_large", counters.too_large},
      {"conversations_cut", counters.cut},
      {"no_memory", counters.no_memory},
      {"beyond_max_files", counters.beyond_files}};
  for (std::size_t i = 0; i < kSkipReasonCount; ++i) {
    reasons.emplace_back(to_string(static_cast<SkipReason>(i)), counters.skipped[i]);
  }
  return reasons;
}

void print(const std::string& path, const SeedCounters& counters) {
  std::string text;
  for (const auto& [reason, count] : left_out(counters)) {
    if (count > 0)
      text += fmt::format("{}{} {}", text.empty() ? "; left out: " : ", ", reason, count);
  }
  fmt::print("{}: {} new, {} the same as another{}\n", escape_controls(path), counters.written,
             counters.same, text);
}

nlohmann::ordered_json json_of(const std::string& path, const SeedsOfFile& made) {
  nlohmann::ordered_json json{{"file", path}};
  if (!made.error.empty()) json["error"] = made.error;
  json["written"] = made.counters.written;
  json["same"] = made.counters.same;
  for (const auto& [reason, count] : left_out(made.counters)) json["left_out"][reason] = count;
  return json;
}

int seeds(const SeedsCommandOptions& options) {
  JsonOutput json(options.json);
  SeedFolder folder(options.folder, options.seeds.files_max);
  std::uint64_t written = 0;
  std::uint64_t same = 0;
  bool all_read = true;
  std::string why;  // Of the first file of which the filter left nothing.
  nlohmann::ordered_json files = nlohmann::ordered_json::array();
  for (const std::string& path : options.files) {
    const SeedsOfFile made = make_seeds(path, options, folder);
    if (why.empty() && !made.filtered_out.empty()) {
      why = fmt::format(" ({}: --filter: {})", escape_controls(path), made.filtered_out);
    }
    written += made.counters.written;
    same += made.counters.same;
    all_read = all_read && made.error.empty();
    if (options.json.is_wanted()) files.push_back(json_of(path, made));
    if (!options.json.replaces_text()) print(path, made.counters);
    if (!made.error.empty()) fmt::print(stderr, "lossy: {}\n", made.error);
  }
  if (!options.json.replaces_text() && options.files.size() > 1) {
    fmt::print("{}: {} new, {} the same as another\n", escape_controls(options.folder), written,
               same);
  }
  if (options.json.is_wanted()) {
    json.write_last({{"command", "seeds"},
                     {"to", options.folder},
                     {"written", written},
                     {"same", same},
                     {"files", std::move(files)}});
  }
  if (!all_read) return kCouldNotTry;
  if (written + same == 0) throw CannotTry("nothing in these captures makes a seed" + why);
  return kHolds;
}

void add_choices(CLI::App& app, SeedsCommandOptions& options) {
  add_parsed(
      app, "--as", options.seeds.kind, [](std::string_view text) { return one_of(kKinds, text); },
      "what makes a file: each of the datagrams, each flow's conversation, or, for capture_fuzzer, "
      "each of the frames [datagrams]",
      "KIND");
  add_parsed(
      app, "--direction", options.seeds.direction,
      [](std::string_view text) { return one_of(kSeedDirections, text); },
      "both, uplink (from clients to servers) or downlink only [both]", "WAY");
  add_port(app, options.seeds.inspect.server_port);
  add_filter(app, options.choice.filter, "only what this matches, as tcpdump has it");
  add_inner(app, options.choice.inner);
  add_parsed(
      app, "--max-bytes", options.seeds.bytes_max,
      [](std::string_view text) {
        return static_cast<std::size_t>(parse_whole(text, 1, kBytesMax));
      },
      "leave out what is larger, and end conversations before [65536]", "N");
  add_parsed(
      app, "--max-files", options.seeds.files_max,
      [](std::string_view text) { return parse_whole(text, 1, kFilesMax); },
      "write at most so many files [10000]", "N");
}

}  // namespace

void add_seeds_command(CLI::App& app, std::function<int()>& command) {
  auto options = std::make_shared<SeedsCommandOptions>();
  CLI::App* seeds_app = app.add_subcommand("seeds", "Make a fuzzer's corpus of captures.");
  add_captures(*seeds_app, options->files);
  add_path(*seeds_app, "--to", options->folder,
           "where the files go, each called by the SHA-1 of its content; none that is there is "
           "touched",
           "DIR")
      ->required();
  add_choices(*seeds_app, *options);
  options->json.add_to(*seeds_app, "print the counts as one JSON object");
  seeds_app->footer(
      "In a conversation each datagram stands behind three bytes: 0 when the client sent it and 1\n"
      "when the server did, and its size, the higher byte first. Of a recording that shows both\n"
      "hosts it is what arrived.\n"
      "Exit code 2 when a file cannot be read, or nothing makes a seed.\n"
      "Examples:\n"
      "  lossy seeds captures/*.pcap --to=corpus\n"
      "  lossy seeds dns.pcapng --to=corpus --direction=uplink --filter='port 53' --max-bytes=512\n"
      "  lossy seeds seen.pcap.gz --to=corpus --as=conversations");
  seeds_app->callback([options, &command] {
    if (options->seeds.kind == SeedKind::kFrames &&
        options->seeds.direction != SeedDirection::kBoth) {
      throw usage_error("--direction", "frames are taken whatever is in them; use --filter");
    }
    std::vector<NamedFile> read;
    for (const std::string& file : options->files) read.push_back({"a capture", file});
    refuse_overwriting({{"--json", options->json.file}}, read);
    command = [options] { return seeds(*options); };
  });
}

}  // namespace lossy
