#include <lossy/harness/link/payload_pool.hpp>

#include <algorithm>
#include <bit>
#include <cstring>

#include <lossy/core/check.hpp>

namespace lossy {

std::size_t PayloadPool::size_class_of(std::size_t bytes) {
  const auto bits = static_cast<unsigned>(std::bit_width(bytes == 0 ? 0 : bytes - 1));
  return std::max(bits, kClassBitsMin) - kClassBitsMin;
}

PayloadPool::Slot PayloadPool::add(std::span<const std::byte> bytes) {
  check(bytes.size() <= kBytesMax, "PayloadPool: more than 65,536 bytes");
  const std::size_t size_class = size_class_of(bytes.size());
  if (free_[size_class].empty()) reserve_chunk(size_class);
  const Slot slot = free_[size_class].back();
  free_[size_class].pop_back();
  SlotInfo& info = slots_[slot];
  info.size = static_cast<std::uint32_t>(bytes.size());
  info.references = 1;
  info.marked = false;
  if (!bytes.empty()) std::memcpy(info.data, bytes.data(), bytes.size());
  bytes_used_ += class_bytes(size_class);
  return slot;
}

void PayloadPool::release(Slot slot) {
  SlotInfo& info = slots_[slot];
  if (--info.references > 0) return;
  free_[info.size_class].push_back(slot);
  bytes_used_ -= class_bytes(info.size_class);
}

void PayloadPool::reserve_chunk(std::size_t size_class) {
  std::size_t& chunk_bytes = last_chunk_bytes_[size_class];
  chunk_bytes = std::max(std::clamp(2 * chunk_bytes, kFirstChunkBytes, kChunkBytesMax),
                         class_bytes(size_class));
  chunks_.push_back(std::unique_ptr<std::byte[]>(new std::byte[chunk_bytes]));
  bytes_reserved_ += chunk_bytes;
  const std::size_t first = slots_.size();
  for (std::size_t at = 0; at < chunk_bytes; at += class_bytes(size_class)) {
    slots_.push_back(
        {.data = chunks_.back().get() + at, .size_class = static_cast<std::uint8_t>(size_class)});
  }
  // Taken from the back, so that the lowest address comes first.
  for (std::size_t slot = slots_.size(); slot > first; --slot) {
    free_[size_class].push_back(static_cast<Slot>(slot - 1));
  }
}

}  // namespace lossy
