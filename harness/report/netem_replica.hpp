// What netem itself would make of the same words: its own arithmetic, run a million times with a
// fixed seed. For saying by how much it differs.
#pragma once

#include <lossy/harness/link/settings.hpp>

namespace lossy {

struct NetemRates {
  double loss = 0;        // Datagrams of which no intact copy arrives.
  double duplicated = 0;  // Of those that arrive: of which two intact copies do.
};

// With netem's loss (a model that netem has), duplicate and corrupt, in its order: it duplicates
// first, each copy may then be lost, and then damaged.
NetemRates netem_rates(const LinkSettings& settings);

// How often netem decides for what is given `probability` and `correlation`.
double netem_rate(const Chance& chance);

// The correlation at lag 1 that netem's delays have, for jitter of less than 2 s.
double netem_delay_correlation(const LinkSettings& settings);

}  // namespace lossy
