// A scenario: a protocol, what is asked of it, and over which path. It comes from the options of
// `lossy simulate`, given on the command line or in a file (the [simulate] section of
// --config=FILE).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <lossy/core/protocol.hpp>
#include <lossy/harness/cli/path_options.hpp>
#include <lossy/harness/cli/plan_options.hpp>
#include <lossy/harness/sim/network_script.hpp>
#include <lossy/harness/sim/script.hpp>

namespace lossy {

class Scenario {
 public:
  // One host alone among other people's programs.
  struct Alone {
    std::size_t host = 0;
    std::vector<Address> addresses;  // Of all hosts: real ones, or none where nobody is known.
  };
  // Puts one of these hosts there.
  using PutAlone = std::function<Alone(const std::vector<HostRole>& hosts)>;

  // The options of this protocol; those of addresses and of scripts are for a run with all its
  // hosts. The application must stay where it is until resolve(), the protocol for good.
  void add_to(CLI::App& app, const Protocol& protocol, bool is_alone = false);
  // Checks the options and works them out; throws as PathOptions::resolve().
  void resolve(const PutAlone& put_alone = {});

  // All of the following after resolve().
  const PathOptions& path() const { return path_; }
  const Protocol& protocol() const { return plan_.protocol(); }
  // The addresses are fixed, from the ranges for documentation (RFC 5737, RFC 3849), so that
  // recordings do not differ; but for a host alone, which has real ones.
  RunPlan plan() const;
  const std::vector<HostRole>& hosts() const { return plan_.hosts(); }
  bool ipv6() const { return ipv6_; }
  // Instead of all these, what a script says; its addresses are the same. Nothing when there is
  // none. Greetings have scripts of their own, and those of any protocol: at most one is there.
  const std::optional<Script>& script() const { return script_; }
  const std::optional<NetworkScript>& network_script() const { return network_script_; }
  const std::string& script_path() const { return script_path_; }
  // Whether another seed would make another run.
  bool is_random() const { return !network_script_ && path_.is_random(); }

 private:
  void resolve_script();

  PathOptions path_;
  PlanOptions plan_;
  bool ipv6_ = false;
  std::optional<Alone> alone_;
  std::string script_path_;
  std::optional<Script> script_;
  std::optional<NetworkScript> network_script_;
  const CLI::App* app_ = nullptr;  // Until resolve().
};

}  // namespace lossy
