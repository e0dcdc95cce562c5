// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/losses/method.h"

namespace mellow {

// Cross-entropy with the labels as they are.
inline void register_hard(LossesTable& table) {
  table.methods.push_back({.name = "hard",
                           .formula = "CE(e, p)",
                           .paper = "cross-entropy, the baseline",
                           .build = [](const MethodInputs&, const MethodOptions&) { return Recipe{}; }});
}

}  // namespace mellow
