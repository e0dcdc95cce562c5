// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/losses/method.h"

namespace mellow {

// Output smoothing with teacher correction: γ on the class instead of 1 / K, the rest even, not softmaxed.
// The direction is KL(q ‖ p_τ): the one whose gradient eq. 12–15 derive; eq. 11 prints the arguments swapped.
inline void register_lsr_os_tc(LossesTable& table) {
  table.methods.push_back(
      {.name = "lsr-os-tc",
       .formula = "(1 - alpha) CE(e, p) + alpha tau KL(q || p_tau), q = gamma on the class, "
                  "(1 - gamma) / (K - 1) elsewhere",
       .paper = "Wang et al. 2021, eq. 11 to 15",
       .options =
           {{.name = "alpha", .help = "weight of the soft labels", .value = 0.1, .low = 0, .high = 1},
            {.name = "tau", .help = "temperature of the student", .value = 2, .high = 1000, .open_low = true},
            {.name = "gamma",
             .help = "soft label of the own class; 1 / K is lsr-os",
             .value = 0.5,
             .high = 1,
             .open_low = true,
             .open_high = true},
            {.name = "factor",
             .help = "factor on the KL term: tau, or tau2 for tau^2",
             .choices = {"tau", "tau2"},
             .choice = "tau"}},
       .build = [](const MethodInputs& in, const MethodOptions& o) {
         const double alpha = o.number("alpha"), tau = o.number("tau");
         const double factor = o.choice("factor") == "tau2" ? tau * tau : tau;
         return Recipe{.weights = {.ce = 1 - alpha, .kl = alpha * factor, .tau = tau},
                       .q2 = corrected_labels(in.context, in.classes, o.number("gamma"))};
       }});
}

}  // namespace mellow
