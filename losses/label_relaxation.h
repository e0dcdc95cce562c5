// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/losses/method.h"

namespace mellow {

// No loss once the class has 1 − α: the label is then whatever the network says. Below that, the nearest
// label with 1 − α on the class.
inline void register_label_relaxation(LossesTable& table) {
  table.methods.push_back(
      {.name = "label-relaxation",
       .formula = "KL(r || p), r = p where p_y >= 1 - alpha, else 1 - alpha on the class and alpha in the "
                  "proportions of p",
       .paper = "Lienen & Huellermeier 2021",
       .options = {{.name = "alpha",
                    .help = "mass that may leave the class",
                    .value = 0.1,
                    .high = 1,
                    .open_low = true,
                    .open_high = true}},
       .build = [](const MethodInputs&, const MethodOptions& o) {
         return Recipe{.weights = {.relaxation = o.number("alpha")}};
       }});
}

}  // namespace mellow
