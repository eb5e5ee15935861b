// Counts every allocation of the program that includes it, which has to be one of its own.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <new>

namespace lossy {

inline std::uint64_t allocations = 0;

}  // namespace lossy

// None is inlined: g++ would see through one side of a pair and warn that it does not match the
// other.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++lossy::allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
