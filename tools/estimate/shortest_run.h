// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "mellow/tools/estimate/prediction.h"

namespace mellow::tools {

// Seconds of one epoch of `model` on random series of this size by the program's own training: network made,
// run directory with checkpoint and results written, in a folder that is removed.
double shortest_run_seconds(const EstimatePlan& plan, const std::string& model, const SetSize& size);

}  // namespace mellow::tools
