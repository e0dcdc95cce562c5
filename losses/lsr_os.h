// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/losses/method.h"

namespace mellow {

// Output smoothing: the uniform teacher u meets the student's output at temperature τ.
inline void register_lsr_os(LossesTable& table) {
  table.methods.push_back(
      {.name = "lsr-os",
       .formula = "(1 - alpha) CE(e, p) + alpha tau^2 KL(u || p_tau), u = 1 / K",
       .paper = "Wang et al. 2021, eq. 10",
       .options = {{.name = "alpha", .help = "weight of the soft labels", .value = 0.1, .low = 0, .high = 1},
                   {.name = "tau",
                    .help = "temperature of the student",
                    .value = 2,
                    .high = 1000,
                    .open_low = true}},
       .build = [](const MethodInputs& in, const MethodOptions& o) {
         const double alpha = o.number("alpha"), tau = o.number("tau");
         return Recipe{.weights = {.ce = 1 - alpha, .kl = alpha * tau * tau, .tau = tau},
                       .q2 = smoothed_labels(in.context, in.classes, 1)};
       }});
}

}  // namespace mellow
