#include <lossy/harness/cli/scenario.hpp>

#include <system_error>

#include <lossy/core/greeting/protocol.hpp>
#include <lossy/harness/cli/script_file.hpp>

namespace lossy {
namespace {

// 192.0.2.1 and so on, or 2001:db8::1.
Address host_address(std::size_t host, std::uint16_t port, bool ipv6) {
  const auto number = static_cast<std::uint8_t>(host + 1);
  if (!ipv6) return Address::v4({192, 0, 2, number}, port);
  return Address::v6({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, number}, port);
}

}  // namespace

void Scenario::add_to(CLI::App& app, const Protocol& protocol, bool is_alone) {
  plan_.add_to(app, protocol);
  if (!is_alone) app.add_flag("--ipv6", ipv6_, "use IPv6")->group(protocol.title);
  path_.add_to(app);
  app_ = &app;
  if (is_alone || &protocol != &greetings()) return;  // Scripts are of greetings.
  add_path(app, "--script", script_path_,
           "instead of all that: what the client is asked and what the network does, operation by "
           "operation, as lossy script shows it",
           "FILE")
      ->group("Script");
}

void Scenario::resolve_script() {
  for (const CLI::Option* option : app_->get_options()) {
    if (option->count() == 0 || option->get_group() == "Output") continue;
    if (option->check_name("--script")) continue;
    if (option->check_name("--config")) continue;  // CLI11 2.6 has those of lossy itself, too.
    throw usage_error(option->get_name() == "names" ? "NAMES" : option->get_name(),
                      "the script says all about the client and the path; leave one of them out");
  }
  try {
    script_ = read_script(script_path_).script;
  } catch (const TextError& error) {
    throw usage_error("--script", error.what());
  } catch (const std::system_error& error) {
    throw usage_error("--script", error.what());
  }
}

void Scenario::resolve(const PutAlone& put_alone) {
  if (!script_path_.empty()) resolve_script();
  plan_.resolve();
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
  for (std::size_t host = 0; host < hosts().size(); ++host) {
    plan.addresses.push_back(host_address(host, hosts()[host].port, ipv6_));
  }
  return plan;
}

}  // namespace lossy
