#include <lossy/harness/link/link_model.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace lossy {
namespace {

// The place of the seeds of further paths among the streams of a seed, and part of what it means.
constexpr std::uint64_t kPathPlace = 1001;

}  // namespace

LinkModel link_model(const Timeline<LinkSettings>& settings, std::size_t header_bytes) {
  const auto& phases = settings.phases();
  const LinkSettings& first = phases.front().value;
  LinkModel model{.plan = {.options = link_options(first, header_bytes),
                           .outages = first.outages.value_or(std::vector<Outage>{})},
                  .chances = impairments(first)};
  for (std::size_t i = 1; i < phases.size(); ++i) {
    model.plan.options.add(phases[i].start, link_options(phases[i].value, header_bytes));
    model.chances.add(phases[i].start, impairments(phases[i].value));
  }
  return model;
}

std::uint64_t seed_of_path(std::uint64_t seed, std::uint64_t path) {
  return path == 0 ? seed : RandomStream(seed).stream(kPathPlace).at(path + 1);
}

Link make_link(const LinkModel& model, std::uint64_t seed, Direction direction,
               std::uint64_t path) {
  const std::uint64_t own_seed = seed_of_path(seed, path);
  LinkPlan plan = model.plan;
  plan.slot_intervals = slot_stream(own_seed, direction);
  return {std::move(plan), std::make_unique<RandomFates>(model.chances, own_seed, direction)};
}

Link make_link(std::string_view netem, std::uint64_t seed, Direction direction, std::uint64_t path,
               std::size_t header_bytes, const TableFiles& files) {
  const LinkSettings settings = parse_netem(netem, files);
  return make_link(link_model(Timeline<LinkSettings>(settings), header_bytes),
                   settings.seed.value_or(seed), direction, path);
}

}  // namespace lossy
