// Which packets an expression matches, written as for tcpdump (pcap-filter(7)). What it means is
// another program for each link type.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <lossy/harness/capture/capture_record.hpp>

struct bpf_program;

namespace lossy {

class PacketFilter {
 public:
  explicit PacketFilter(std::string expression) : expression_(std::move(expression)) {}

  const std::string& expression() const { return expression_; }

  // Makes the program for a link type. Why there is none, or nothing.
  std::optional<std::string> compile(int link_type);

  // Whether the record matches, or nothing when there is no program for its link type.
  std::optional<bool> matches(const CaptureRecord& record) const;

 private:
  struct Free {
    void operator()(bpf_program* program) const;
  };

  std::string expression_;
  std::map<int, std::unique_ptr<bpf_program, Free>> programs_;
};

}  // namespace lossy
