// A host of a simulated network: who sits on it, what it is called, what its clock says.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <lossy/core/address.hpp>
#include <lossy/core/clock.hpp>

namespace lossy {

// What a host's clock says: `offset` at the start of virtual time, and from then on `drift_ppm`
// microseconds a second more than pass (less, when negative). Its endpoint is told these times, and
// its timeouts are in them; all else happens in virtual time.
class HostClock {
 public:
  HostClock() = default;
  // std::logic_error unless the drift is above -1,000,000 and at most 1,000,000.
  explicit HostClock(Duration offset, std::int64_t drift_ppm = 0);

  // What it says at a virtual time, rounded down to a nanosecond.
  Instant local(Instant virtual_time) const {
    return is_true_ ? virtual_time : drifted(virtual_time);
  }
  // The first virtual time, from 0 on, at which it says `local` or more.
  Instant when_it_says(Instant local) const { return is_true_ ? local : undrifted(local); }

 private:
  Instant drifted(Instant virtual_time) const;
  Instant undrifted(Instant local) const;

  Duration offset_{};
  std::int64_t speed_ppm_ = 1'000'000;
  bool is_true_ = true;
};

struct HostOptions {
  // At least one, and no other host's. Port 0 stands for every port of that IP address that no host
  // has by its number: see Endpoint::listens_at().
  std::vector<Address> addresses;
  HostClock clock{};
  std::string name{};  // As errors call it; without one, by its first address.
};

}  // namespace lossy
