// What libFuzzer calls to change the inputs of a protocol's target. Now and then it does what it
// does to any bytes, which is where its dictionary comes in.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include <lossy/fuzz/input_mutator.hpp>
#include <lossy/fuzz/protocol_target.hpp>

// Each target's own.
const lossy::fuzz::ProtocolTarget& protocol_target();

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

std::span<const std::byte> bytes_of(const std::uint8_t* data, std::size_t size) {
  return std::as_bytes(std::span(data, size));
}

std::size_t write(const std::vector<std::byte>& input, std::uint8_t* data) {
  if (!input.empty()) std::memcpy(data, input.data(), input.size());
  return input.size();
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  if (seed % 16 == 0) return LLVMFuzzerMutate(data, size, max_size);
  static std::vector<std::byte> input;
  const auto bytes = bytes_of(data, size);
  input.assign(bytes.begin(), bytes.end());
  lossy::fuzz::InputMutator(protocol_target().protocol(), seed).mutate(input, max_size);
  return write(input, data);
}

extern "C" std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* a, std::size_t a_size,
                                                 const std::uint8_t* b, std::size_t b_size,
                                                 std::uint8_t* result, std::size_t max_size,
                                                 unsigned seed) {
  lossy::fuzz::InputMutator mutator(protocol_target().protocol(), seed);
  return write(mutator.cross(bytes_of(a, a_size), bytes_of(b, b_size), max_size), result);
}
