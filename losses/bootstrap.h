// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/losses/method.h"

namespace mellow {

// Soft bootstrapping: the prediction itself is part of the label, L = −Σ (β e + (1 − β) p) log p, and the
// gradient goes through it. Detached, it would be only β times the cross-entropy's. Punishes entropy.
inline void register_bootstrap(LossesTable& table) {
  table.methods.push_back(
      {.name = "bootstrap",
       .formula = "beta CE(e, p) + (1 - beta) H(p)",
       .paper = "Reed et al. 2015, soft form",
       .options = {{.name = "beta", .help = "weight of the hard labels", .value = 0.95, .low = 0, .high = 1}},
       .build = [](const MethodInputs&, const MethodOptions& o) {
         const double beta = o.number("beta");
         return Recipe{.weights = {.ce = beta, .entropy = -(1 - beta)}};
       }});
}

}  // namespace mellow
