// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/losses/method.h"
#include "mellow/losses/recorded_predictions.h"

namespace mellow {

// share · e_c + (1 − share) · S_c for every class c, row-major [classes, classes]. S_c is the mean prediction
// of the samples of c that were classified rightly (of equal probabilities, the first counts); uniform where
// none was.
std::vector<float> online_labels(const std::vector<float>& predictions, std::span<const int32_t> labels,
                                 int64_t classes, double share);

Method ols_method();

inline void register_ols(LossesTable& table) { table.methods.push_back(ols_method()); }

}  // namespace mellow
