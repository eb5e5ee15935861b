// What all of a capture says about the servers of its flows, for whoever must know it from the
// first record on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "harness/capture/reader.hpp"
#include "harness/capture/server_finder.hpp"

namespace lossy {

// Which of a capture's records count, and who is known to serve.
struct CaptureChoice {
  std::string filter{};  // An expression as for tcpdump, or nothing.
  bool inner = false;    // What VXLAN, Geneve and GTP-U carry counts instead.
  std::optional<std::uint16_t> server_port{};
};

// For InspectOptions. Nothing when an Inspector needs none of it, and of what cannot be read, or
// not again: that shows when it is read for good.
std::optional<ServerFinder> read_servers(const std::string& path, const CaptureChoice& choice,
                                         PcapReader::Tell on_read);

}  // namespace lossy
