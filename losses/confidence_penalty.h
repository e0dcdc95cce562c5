// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/losses/method.h"

namespace mellow {

// Rewards entropy of the prediction; the loss can be negative.
inline void register_confidence_penalty(LossesTable& table) {
  table.methods.push_back(
      {.name = "cp",
       .formula = "CE(e, p) - beta H(p)",
       .paper = "Pereyra et al. 2017",
       .options = {{.name = "beta", .help = "weight of the entropy", .value = 0.1, .low = 0, .high = 100}},
       .build = [](const MethodInputs&, const MethodOptions& o) {
         return Recipe{.weights = {.entropy = o.number("beta")}};
       }});
}

}  // namespace mellow
