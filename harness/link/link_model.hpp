// Links, made from what is asked of one direction of a path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <lossy/harness/link/direction.hpp>
#include <lossy/harness/link/link.hpp>
#include <lossy/harness/link/netem.hpp>
#include <lossy/harness/link/random_fates.hpp>
#include <lossy/harness/link/settings.hpp>
#include <lossy/harness/link/timeline.hpp>

namespace lossy {

// IP and UDP headers, in bytes.
inline constexpr std::size_t kHeaderBytesV4 = 28;
inline constexpr std::size_t kHeaderBytesV6 = 48;

// What all links of one direction have in common, whatever decides their fates.
struct LinkModel {
  LinkPlan plan;  // Its slots' intervals are each link's own.
  Timeline<Impairments> chances;
};

LinkModel link_model(const Timeline<LinkSettings>& settings, std::size_t header_bytes);

// The seed of the random numbers of a path, counted from 0: the first has the seed itself, and all
// paths of one seed differ.
std::uint64_t seed_of_path(std::uint64_t seed, std::uint64_t path);

// A link whose fates are left to chance: the same model, seed, direction and path give the same
// ones. Two paths of one seed, and two directions of one path, have nothing in common.
Link make_link(const LinkModel& model, std::uint64_t seed, Direction direction,
               std::uint64_t path = 0);

// The same from a netem line ("delay 20ms 5ms loss 1%"), whose own `seed N` comes first. Throws
// NetemError.
Link make_link(std::string_view netem, std::uint64_t seed, Direction direction,
               std::uint64_t path = 0, std::size_t header_bytes = kHeaderBytesV4,
               const TableFiles& files = {});

}  // namespace lossy
