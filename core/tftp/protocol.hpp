// TFTP as a protocol under test.
#pragma once

#include <lossy/core/protocol.hpp>

namespace lossy::tftp {

// A client fetches files from a server and stores some there. What is in a file follows from its
// name; what a server of other people's has is its own.
const Protocol& protocol();

}  // namespace lossy::tftp
