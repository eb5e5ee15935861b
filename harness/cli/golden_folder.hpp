// A folder of goldens: scenarios NAME.toml, and what each of them gave, NAME.pcap.
//
// What a run gives now is compared with the golden while it goes on, and nothing is written as long
// as it is the same. When it is not, the run is left in NAME.new.pcap, to be looked at. That file
// is the folder's own: it is replaced without asking, and removed once the golden holds again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lossy {

enum class GoldenStatus : std::uint8_t { kHolds, kDiffers, kMissing, kAccepted, kNotTried };
inline constexpr std::size_t kGoldenStatusCount = 5;
// "holds", "differs", "missing", "accepted", "not_tried".
std::string_view to_string(GoldenStatus status);

struct GoldenResult {
  GoldenStatus status = GoldenStatus::kNotTried;
  std::string explanation;  // What differs first, in lines; or, in one, why it could not be tried.
  std::string left;         // The path of what the run gave; or nothing.
};

class GoldenFolder {
 public:
  // Throws std::system_error when the folder cannot be read.
  explicit GoldenFolder(const std::string& path);

  // The names of the scenarios, sorted.
  const std::vector<std::string>& scenarios() const { return scenarios_; }
  bool has(const std::string& name) const;
  // The paths of captures that no scenario gives, sorted.
  std::vector<std::string> strays() const;

  // Runs a scenario. With `accept` what it gives becomes the golden, unless that holds.
  GoldenResult check(const std::string& name, bool accept) const;

  std::string scenario_path(const std::string& name) const { return beside(name, ".toml"); }
  std::string golden_path(const std::string& name) const { return beside(name, ".pcap"); }
  std::string new_path(const std::string& name) const { return beside(name, ".new.pcap"); }

 private:
  std::string beside(const std::string& name, const char* ending) const;
  GoldenResult try_check(const std::string& name, bool accept) const;

  std::string path_;
  std::vector<std::string> scenarios_;
  std::vector<std::string> captures_;
};

}  // namespace lossy
