// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/losses/method.h"

namespace mellow {

// Beta smoothing: labels drawn per batch and handed out by the confidence of an averaged copy of the student
// (engine/ops/beta_labels.h).
Method beta_method();

inline void register_beta(LossesTable& table) { table.methods.push_back(beta_method()); }

}  // namespace mellow
