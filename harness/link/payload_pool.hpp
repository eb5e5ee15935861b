// Memory for the bytes of datagrams in flight: shared by copies, used again, and of each size class
// never more than the most that was in flight at once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace lossy {

class PayloadPool {
 public:
  using Slot = std::uint32_t;

  // A slot that holds a copy of `bytes`, at most 65,536, with one reference.
  Slot add(std::span<const std::byte> bytes);
  void retain(Slot slot) { ++slots_[slot].references; }
  // Gives one reference back; the bytes are gone with the last.
  void release(Slot slot);

  std::span<std::byte> bytes(Slot slot) { return {slots_[slot].data, slots_[slot].size}; }

  // Marks the slot; whether it was marked before. A new slot is not.
  bool mark(Slot slot) { return std::exchange(slots_[slot].marked, true); }
  bool is_marked(Slot slot) const { return slots_[slot].marked; }

  // How many slots for so many bytes can be added before more is taken from the system.
  std::size_t free_slots(std::size_t bytes) const { return free_[size_class_of(bytes)].size(); }

  // Bytes taken from the system, and bytes that slots in use hold, their classes' sizes.
  std::size_t bytes_reserved() const { return bytes_reserved_; }
  std::size_t bytes_used() const { return bytes_used_; }
  // How many slots there are, in use or not, and what keeping account of them takes.
  std::size_t slots() const { return slots_.size(); }
  std::size_t slots_bytes() const { return slots_.size() * (sizeof(SlotInfo) + sizeof(Slot)); }

 private:
  // Size classes are powers of two from 64 bytes to 64 KiB, so that a slot can be used again
  // whatever the sizes that come.
  static constexpr unsigned kClassBitsMin = 6;
  static constexpr std::size_t kClasses = 11;
  static constexpr std::size_t kBytesMax = 64 * 1024;
  // Memory of a size class is taken in chunks, each twice the last: a proxy has thousands of links
  // of which most see little at a time.
  static constexpr std::size_t kFirstChunkBytes = 2 * 1024;
  static constexpr std::size_t kChunkBytesMax = kBytesMax;

  struct SlotInfo {
    std::byte* data = nullptr;
    std::uint32_t size = 0;
    std::uint32_t references = 0;
    std::uint8_t size_class = 0;
    bool marked = false;
  };

  static std::size_t size_class_of(std::size_t bytes);
  static std::size_t class_bytes(std::size_t size_class) {
    return std::size_t{1} << (size_class + kClassBitsMin);
  }
  void reserve_chunk(std::size_t size_class);

  std::vector<SlotInfo> slots_;
  std::array<std::vector<Slot>, kClasses> free_;
  std::array<std::size_t, kClasses> last_chunk_bytes_{};
  std::vector<std::unique_ptr<std::byte[]>> chunks_;
  std::size_t bytes_reserved_ = 0;
  std::size_t bytes_used_ = 0;
};

}  // namespace lossy
