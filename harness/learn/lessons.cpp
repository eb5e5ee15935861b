#include <array>

#include <lossy/harness/learn/simulated.hpp>

namespace lossy {

std::span<const Lesson> simulated_lessons() {
  static const std::array lessons{vanish_lesson(), twice_lesson(),  order_lesson(),
                                  bursts_lesson(), again_lesson(),  queue_lesson(),
                                  forged_lesson(), weapon_lesson(), checksum_lesson()};
  return lessons;
}

}  // namespace lossy
