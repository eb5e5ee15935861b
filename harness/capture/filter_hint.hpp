// Why a filter that matches nothing may do so: tcpdump's expressions look at what stands directly
// behind the link's header, and behind a tag or a label only when they are told that there is one.
#pragma once

#include <set>
#include <string>
#include <vector>

#include <lossy/harness/capture/capture_record.hpp>
#include <lossy/harness/capture/packet_filter.hpp>

namespace lossy {

class FilterHint {
 public:
  explicit FilterHint(const std::string& expression);

  // A record that the filter did not match; not to be called once it has matched one.
  void see(const CaptureRecord& record);

  // "behind a VLAN's tag it would match: vlan and (port 9999)", of the first record for which there
  // is something to say; or nothing.
  const std::string& text() const { return text_; }

 private:
  struct Way {
    const char* where = "";
    PacketFilter filter;
  };

  std::vector<Way> ways_;
  std::set<int> link_types_;  // Those that the ways were compiled for, where they can be.
  std::string text_;
};

}  // namespace lossy
