// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/losses/method.h"

namespace mellow {

// Label smoothing, the ε/K form: the true class gets 1 − ε + ε/K.
inline void register_label_smoothing(LossesTable& table) {
  table.methods.push_back({.name = "ls",
                           .formula = "CE((1 - epsilon) e + epsilon / K, p)",
                           .paper = "Szegedy et al. 2016",
                           .options = {{.name = "epsilon",
                                        .help = "mass spread evenly over all classes",
                                        .value = 0.1,
                                        .low = 0,
                                        .high = 1}},
                           .build = [](const MethodInputs& in, const MethodOptions& o) {
                             return Recipe{.q1 =
                                               smoothed_labels(in.context, in.classes, o.number("epsilon"))};
                           }});
}

}  // namespace mellow
