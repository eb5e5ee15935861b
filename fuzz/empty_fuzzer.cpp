// Invariant: none. It does nothing, which is the floor that other targets' speed is measured by.
#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t*, std::size_t) {
  return 0;
}
