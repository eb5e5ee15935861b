// Writes down what a run did, as --save-faults does, but for one datagram, whose fate is another
// from now on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <lossy/harness/cli/path_options.hpp>
#include <lossy/harness/link/observer.hpp>

namespace lossy {

enum class Edit : std::uint8_t {
  kDrop,
  kDuplicate,  // One copy more, 5 ms after the last.
  kDeliver,    // Once, on time and intact.
};

class EditedFates final : public Observer {
 public:
  // `path` must outlive this.
  EditedFates(const PathOptions& path, Direction direction, std::uint64_t number, Edit edit)
      : path_(path), direction_(direction), number_(number), edit_(edit) {}

  void on_offered(Instant now, const Passage& passage, const Offer& offer) override;

  // The list for --faults. Throws std::runtime_error when the datagram was never sent, or has as
  // many copies already as there can be.
  std::string faults() const;

 private:
  void edit(Fate& fate);

  const PathOptions& path_;
  Direction direction_;
  std::uint64_t number_;
  Edit edit_;
  bool met_ = false;
  bool too_many_ = false;
  std::string list_;
};

}  // namespace lossy
