// Invariant: whatever a network does to a client and a server, the properties of the protocol hold,
// which harness/sim/properties.hpp lists; and when the network turns perfect, every request ends
// and nothing is left over.
//
// An input is a script in binary (harness/sim/script.hpp), which `lossy script` shows as text and
// `lossy simulate --script` runs.
#include <cstddef>
#include <cstdint>

#include "fuzz/property.hpp"
#include "harness/sim/properties.hpp"
#include "harness/sim/scripted_run.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static lossy::ScriptedRun run;
  static lossy::Script script;
  lossy::decode(std::as_bytes(std::span(data, size)), script);
  try {
    run.run(script);
  } catch (const lossy::PropertyViolation& violation) {
    lossy::fuzz::must(false, violation.what());
  }
  return 0;
}
