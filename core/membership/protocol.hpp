// Membership as a protocol under test.
#pragma once

#include <lossy/core/protocol.hpp>

namespace lossy::membership {

// Nodes join a group, watch each other, and are told who else is in it.
const Protocol& protocol();

}  // namespace lossy::membership
