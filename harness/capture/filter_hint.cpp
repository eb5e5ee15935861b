#include <lossy/harness/capture/filter_hint.hpp>

#include <array>
#include <utility>

namespace lossy {
namespace {

constexpr std::array<std::pair<const char*, const char*>, 4> kWays = {
    {{"behind a VLAN's tag", "vlan"},
     {"behind two VLANs' tags", "vlan and vlan"},
     {"in PPPoE", "pppoes"},
     {"behind an MPLS label", "mpls"}}};

}  // namespace

FilterHint::FilterHint(const std::string& expression) {
  for (const auto& [where, first] : kWays) {
    ways_.push_back({where, PacketFilter(std::string(first) + " and (" + expression + ')')});
  }
}

void FilterHint::see(const CaptureRecord& record) {
  if (!text_.empty()) return;
  const bool is_new = link_types_.insert(record.link_type).second;
  for (Way& way : ways_) {
    if (is_new) way.filter.compile(record.link_type);
    if (!way.filter.matches(record).value_or(false)) continue;
    text_ = std::string(way.where) + " it would match: " + way.filter.expression();
    return;
  }
}

}  // namespace lossy
