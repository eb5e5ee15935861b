// What all of a capture says about the servers of its flows, for whoever must know it from the
// first record on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <lossy/harness/capture/reader.hpp>
#include <lossy/harness/capture/server_finder.hpp>

namespace lossy {

// For InspectOptions. Nothing when an Inspector needs none of it, and of what cannot be read, or
// not again: that shows when it is read for good.
std::optional<ServerFinder> read_servers(const std::string& path, const CaptureChoice& choice,
                                         std::optional<std::uint16_t> server_port,
                                         PcapReader::Tell on_read);

}  // namespace lossy
