#include <lossy/harness/capture/live_interfaces.hpp>

#include <arpa/inet.h>
#include <net/if.h>
#include <pcap/pcap.h>

#include <array>
#include <memory>
#include <stdexcept>

namespace lossy {
namespace {

// Empty when it is of another family.
std::string text_of(const sockaddr* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address == nullptr) return {};
  if (address->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
    ::inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
  } else if (address->sa_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
    ::inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
  }
  return text.data();
}

std::vector<std::string> timestamps_of(const std::string& name) {
  std::array<char, PCAP_ERRBUF_SIZE> reason{};
  const std::unique_ptr<pcap_t, void (*)(pcap_t*)> handle(pcap_create(name.c_str(), reason.data()),
                                                          pcap_close);
  int* types = nullptr;
  const int count = handle ? pcap_list_tstamp_types(handle.get(), &types) : 0;
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) {
    if (const char* type = pcap_tstamp_type_val_to_name(types[i])) names.emplace_back(type);
  }
  if (types != nullptr) pcap_free_tstamp_types(types);
  return names;
}

}  // namespace

bool is_live_interface(const std::string& name) {
  // Libpcap knows of other sources, USB say, in which there is no UDP.
  return name == kAnyInterface || ::if_nametoindex(name.c_str()) != 0;
}

std::vector<LiveInterface> live_interfaces() {
  std::array<char, PCAP_ERRBUF_SIZE> reason{};
  pcap_if_t* list = nullptr;
  if (pcap_findalldevs(&list, reason.data()) != 0) {
    throw std::runtime_error(std::string("cannot list the interfaces: ") + reason.data());
  }
  const std::unique_ptr<pcap_if_t, void (*)(pcap_if_t*)> owner(list, pcap_freealldevs);
  std::vector<LiveInterface> interfaces;
  for (const pcap_if_t* device = list; device != nullptr; device = device->next) {
    if (!is_live_interface(device->name)) continue;
    LiveInterface& interface = interfaces.emplace_back();
    interface.name = device->name;
    interface.up = (device->flags & PCAP_IF_UP) != 0;
    interface.running = (device->flags & PCAP_IF_RUNNING) != 0;
    interface.loopback = (device->flags & PCAP_IF_LOOPBACK) != 0;
    interface.wireless = (device->flags & PCAP_IF_WIRELESS) != 0;
    if (device->description != nullptr) interface.description = device->description;
    for (const pcap_addr_t* one = device->addresses; one != nullptr; one = one->next) {
      if (std::string text = text_of(one->addr); !text.empty()) {
        interface.addresses.push_back(std::move(text));
      }
    }
    interface.timestamps = timestamps_of(interface.name);
  }
  return interfaces;
}

}  // namespace lossy
