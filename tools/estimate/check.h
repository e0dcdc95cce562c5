// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/tools/estimate/prediction.h"

namespace mellow::tools {

// Does what was predicted, method "hard" of every model on every set of the plan's folder and the
// pretraining, and prints predicted and actual seconds. Returns 1 when one differs by more than 20 %, else 0.
int check_prediction(const Prediction& prediction, const EstimatePlan& plan, Context& context,
                     Progress& progress, const std::vector<std::string>& arguments);

}  // namespace mellow::tools
