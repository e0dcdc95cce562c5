// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/losses/method.h"

namespace mellow {

// Label smoothing written as distillation from a uniform teacher u. Same gradient as "ls" with ε = α; the
// loss is lower by the constant α log K.
inline void register_lsr(LossesTable& table) {
  table.methods.push_back(
      {.name = "lsr",
       .formula = "(1 - alpha) CE(e, p) + alpha KL(u || p), u = 1 / K",
       .paper = "Wang et al. 2021, eq. 7 (label smoothing as distillation)",
       .options = {{.name = "alpha", .help = "weight of the soft labels", .value = 0.1, .low = 0, .high = 1}},
       .build = [](const MethodInputs& in, const MethodOptions& o) {
         const double alpha = o.number("alpha");
         return Recipe{.weights = {.ce = 1 - alpha, .kl = alpha},
                       .q2 = smoothed_labels(in.context, in.classes, 1)};
       }});
}

}  // namespace mellow
