#include <lossy/harness/cli/recorded_options.hpp>

#include <fmt/format.h>

#include <stdexcept>

#include <lossy/core/counted.hpp>
#include <lossy/core/escape.hpp>
#include <lossy/harness/capture/inspector.hpp>
#include <lossy/harness/cli/exit_code.hpp>

namespace lossy {
namespace {

using Ignore = std::optional<std::string> (PayloadMask::*)(std::string_view);

CLI::Option* add_ignored(CLI::App& app, const std::string& name, PayloadMask& mask, Ignore ignore,
                         const std::string& description, const std::string& type) {
  return app
      .add_option_function<std::vector<std::string>>(
          name,
          [&mask, name, ignore](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) {
              if (const auto why = (mask.*ignore)(text)) throw usage_error(name, *why);
            }
          },
          description)
      ->allow_extra_args(false)
      ->type_name(type);
}

}  // namespace

std::vector<CLI::Option*> add_mask_options(CLI::App& app, PayloadMask& mask) {
  return {
      add_ignored(app, "--mask", mask, &PayloadMask::ignore_bytes,
                  "bytes that do not count, by their offsets from 0: 0-1,4,12-; may be repeated",
                  "RANGES"),
      add_ignored(app, "--mask-regex", mask, &PayloadMask::ignore_matches,
                  "what this matches does not count, in RE2's syntax, over bytes; may be repeated",
                  "RE")};
}

std::vector<CLI::Option*> add_recorded_options(CLI::App& app, RecordedFlowsOptions& options) {
  return {add_filter(
              app, options.filter,
              "only what this matches, as tcpdump has it; of fragments only the first has ports"),
          add_parsed(
              app, "--flow", options.flow,
              [](std::string_view text) { return parse_whole(text, 1, kInspectedFlowsMax); },
              "only this flow, by the number that inspect gives it", "N")};
}

std::string no_such_flow(const std::string& path, std::uint64_t flow, std::uint64_t flows_seen) {
  return fmt::format("{}: --flow={}: it has {}", escape_controls(path), flow,
                     counted(flows_seen, "flow"));
}

std::string why_nothing(const std::string& path, const std::string& what,
                        const RecordedFlows& recorded, const RecordedFlowsOptions& options) {
  if (!recorded.filtered_out.empty()) {
    return fmt::format("{}: --filter: {}", escape_controls(path), recorded.filtered_out);
  }
  if (options.flow > recorded.flows_seen) {
    return no_such_flow(path, options.flow, recorded.flows_seen);
  }
  if (const std::string why = no_such_port(path, options.server_port, recorded.flows);
      !why.empty()) {
    return why;
  }
  std::string part;
  if (!options.filter.empty()) part = " with --filter";
  if (options.flow != 0)
    part += fmt::format("{} --flow={}", part.empty() ? " with" : " and", options.flow);
  const std::string rest = left_out_text(recorded);
  return fmt::format("{}: {}{} ({})", escape_controls(path), what, part,
                     rest.empty() ? counted(recorded.records, "record") : rest);
}

CLI::Option* add_port(CLI::App& app, std::optional<std::uint16_t>& port,
                      const std::string& unasked) {
  return add_parsed(
      app, "--port", port,
      [](std::string_view text) {
        return std::optional(static_cast<std::uint16_t>(parse_whole(text, 1, 65535)));
      },
      "where the server listens, in captures that are not recordings of ours [" + unasked + "]",
      "PORT");
}

void say_mistaken(const std::string& path) {
  fmt::print(stderr,
             "lossy: {}: some flows began before it showed who serves, and a pipe cannot be read "
             "again: --port says it\n",
             escape_controls(path));
}

RecordedFlows read_flows(const std::string& path, const RecordedFlowsOptions& options) {
  try {
    RecordedFlows recorded = read_recorded_flows(path, options);
    if (recorded.mistaken) say_mistaken(path);
    return recorded;
  } catch (const std::invalid_argument& error) {
    throw CannotTry(std::string("--filter: ") + error.what());
  }
}

void check_mask(const std::string& path, const RecordedFlows& recorded, const PayloadMask& mask,
                bool requests) {
  if (!mask.has_expressions()) return;
  for (const RecordedFlow& flow : recorded.flows) {
    for (const RecordedStep& step : flow.steps) {
      if (step.is_request != requests || mask.can_search(step.payload)) continue;
      throw CannotTry(fmt::format(
          "--mask-regex looks at payloads of at most {} bytes, and record {} of {} has {}; "
          "--mask has no such limit",
          PayloadMask::kSearchedBytesMax, step.record, escape_controls(path), step.payload.size()));
    }
  }
}

std::uint64_t masked_whole(const RecordedFlows& recorded, const PayloadMask& mask, bool requests) {
  std::uint64_t whole = 0;
  std::vector<std::byte> kept;
  if (mask.empty()) return whole;
  for (const RecordedFlow& flow : recorded.flows) {
    for (const RecordedStep& step : flow.steps) {
      if (step.is_request != requests || step.payload.empty()) continue;
      whole += mask.kept(step.payload, kept).empty() ? 1 : 0;
    }
  }
  return whole;
}

}  // namespace lossy
