#include <lossy/harness/cli/scenario.hpp>

#include <system_error>

#include <lossy/harness/cli/script_file.hpp>
#include <lossy/harness/sim/host_addresses.hpp>

namespace lossy {

void Scenario::add_to(CLI::App& app, const Protocol& protocol, bool is_alone) {
  plan_.add_to(app, protocol);
  if (!is_alone) app.add_flag("--ipv6", ipv6_, "use IPv6")->group(protocol.title);
  path_.add_to(app);
  app_ = &app;
  if (is_alone) return;
  add_path(app, "--script", script_path_,
           "instead of all that: what is asked and what the network does, operation by operation, "
           "as lossy script shows it",
           "FILE")
      ->group("Script");
}

void Scenario::resolve_script() {
  for (const CLI::Option* option : app_->get_options()) {
    if (option->count() == 0 || option->get_group() == "Output") continue;
    if (option->check_name("--script") || option->check_name("--protocol")) continue;
    if (option->check_name("--config")) continue;  // CLI11 2.6 has those of lossy itself, too.
    throw usage_error(option->get_name() == "names" ? "NAMES" : option->get_name(),
                      "the script says all about the run; leave one of them out");
  }
  try {
    const ScriptFile file = read_script(script_path_, protocol());
    script_ = file.script;
    network_script_ = file.network_script;
  } catch (const TextError& error) {
    throw usage_error("--script", error.what());
  } catch (const std::system_error& error) {
    throw usage_error("--script", error.what());
  }
}

void Scenario::resolve(const PutAlone& put_alone) {
  if (!script_path_.empty()) resolve_script();
  if (network_script_) {
    plan_.resolve(plan_of(protocol(), *network_script_));
  } else {
    plan_.resolve();
  }
  if (put_alone) {
    alone_ = put_alone(hosts());
    const auto& calls = plan_.plan().calls;
    if (hosts()[alone_->host].part == HostRole::Part::kAnswers && !calls.empty()) {
      throw usage_error("--" + protocol().call_kinds[calls.front().kind].name,
                        "a server waits to be asked; to ask is lossy ask's");
    }
    ipv6_ = alone_->addresses.at(alone_->host).is_v6();
  }
  path_.resolve(ipv6_);
  const std::size_t flows = hosts().size() * (hosts().size() - 1) / 2;
  if (path_.faults() && path_.faults()->last_flow() > flows) {
    const std::string flow = "flow" + std::to_string(path_.faults()->last_flow());
    throw usage_error("--faults",
                      flows == 1
                          ? "there is one flow here, and " + flow + " is for lossy proxy"
                          : "there are " + std::to_string(flows) + " flows here, and no " + flow);
  }
}

RunPlan Scenario::plan() const {
  RunPlan plan = plan_.plan();
  if (alone_) {
    plan.addresses = alone_->addresses;
    plan.alone = alone_->host;
    return plan;
  }
  place_hosts(plan, hosts(), ipv6_);
  return plan;
}

}  // namespace lossy
