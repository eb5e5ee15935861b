// What libFuzzer calls to change a script. Now and then it does what it does to any bytes, which is
// where its dictionary comes in; what that gives is taken for the script that it is.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include <lossy/fuzz/script_mutator.hpp>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

using lossy::Operation;
using lossy::Script;

std::size_t operations_max(std::size_t bytes) {
  return bytes < Script::kHeaderBytes ? 0 : (bytes - Script::kHeaderBytes) / Operation::kBytes;
}

std::span<const std::byte> bytes_of(const std::uint8_t* data, std::size_t size) {
  return std::as_bytes(std::span(data, size));
}

// Gives the size of what it writes, at most `max_size`.
std::size_t write(const Script& script, std::uint8_t* data, std::size_t max_size) {
  static std::vector<std::byte> bytes;
  lossy::encode(script, bytes);
  const std::size_t size = std::min(bytes.size(), max_size);
  std::memcpy(data, bytes.data(), size);
  return size;
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  static Script script;
  const bool as_bytes = seed % 16 == 0;
  if (as_bytes) size = LLVMFuzzerMutate(data, size, max_size);
  lossy::decode(bytes_of(data, size), script);
  if (!as_bytes) lossy::fuzz::ScriptMutator(seed).mutate(script, operations_max(max_size));
  return write(script, data, max_size);
}

extern "C" std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* a, std::size_t a_size,
                                                 const std::uint8_t* b, std::size_t b_size,
                                                 std::uint8_t* result, std::size_t max_size,
                                                 unsigned seed) {
  static Script first;
  static Script second;
  static Script script;
  lossy::decode(bytes_of(a, a_size), first);
  lossy::decode(bytes_of(b, b_size), second);
  lossy::fuzz::ScriptMutator(seed).cross(first, second, operations_max(max_size), script);
  return write(script, result, max_size);
}
