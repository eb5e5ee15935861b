// Invariant: no input begins with "canary", and none makes it throw, as "raven" does. It is meant
// to be broken: a fuzzer whose alarm does not work looks just like one that finds nothing.
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string_view>

#include <lossy/fuzz/property.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  lossy::fuzz::must(!input.starts_with("canary"), "no input begins with \"canary\"");
  if (input == "raven") throw std::runtime_error("a raven");
  return 0;
}
