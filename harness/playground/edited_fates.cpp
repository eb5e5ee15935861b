#include <lossy/harness/playground/edited_fates.hpp>

#include <algorithm>
#include <stdexcept>

#include <lossy/harness/link/fault_list.hpp>

namespace lossy {
namespace {

using namespace std::chrono_literals;

constexpr Duration kCopyGap = 5ms;

// Jitter may ask for more earliness than there is delay, which the link then cuts off. A list that
// somebody types must not.
void cut_off_early(Fate& fate, const Timeline<LinkSettings>& way) {
  Duration longest{};
  for (const auto& phase : way.phases()) {
    longest = std::max(longest, phase.value.delay.value_or(Duration::zero()));
  }
  for (std::size_t i = 0; i < fate.copies_count; ++i) {
    fate.copy[i].extra_delay = std::max(fate.copy[i].extra_delay, -longest);
  }
}

}  // namespace

void EditedFates::on_offered(Instant, const Passage& passage, const Offer& offer) {
  Fate fate = *offer.fate;
  if (passage.direction == direction_ && offer.number == number_) edit(fate);
  if (fate.is_plain()) return;
  cut_off_early(fate, path_.settings(passage.direction));
  list_ += (list_.empty() ? "" : ",") + format_fault(passage.direction, offer.number, fate);
}

void EditedFates::edit(Fate& fate) {
  met_ = true;
  if (edit_ == Edit::kDuplicate && fate.copies_count > 0) {
    too_many_ = fate.copies_count == Fate::kCopiesMax;
    if (too_many_) return;
    CopyFate copy = fate.copy[fate.copies_count - 1];
    copy.extra_delay += kCopyGap;
    fate.copy[fate.copies_count++] = copy;
    return;
  }
  fate = Fate{};
  if (edit_ == Edit::kDrop) fate.copies_count = 0;
}

std::string EditedFates::faults() const {
  if (!met_) {
    throw std::runtime_error("this run never sends " + std::string(to_string(direction_)) + '.' +
                             std::to_string(number_));
  }
  if (too_many_) throw std::runtime_error("there are as many copies of it as there can be");
  return list_;
}

}  // namespace lossy
