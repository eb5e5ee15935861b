// TFTP as a protocol under test.
#pragma once

#include <lossy/core/protocol.hpp>

namespace lossy::tftp {

// A client fetches files from a server and stores some there. What is in a file follows from its
// name.
const Protocol& protocol();

}  // namespace lossy::tftp
