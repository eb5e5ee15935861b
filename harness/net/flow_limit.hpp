// How many flows this system allows a proxy.
#pragma once

#include <cstddef>
#include <string>

namespace lossy {

struct FlowLimit {
  std::size_t flows = 0;
  std::string reason{};  // Why it is less than what was wanted; empty when it is not.
};

// Each flow takes a descriptor and a port. Raises our own bound on descriptors as far as needed and
// allowed.
FlowLimit flow_limit(std::size_t wanted);

}  // namespace lossy
