// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "mellow/tools/run_many.h"

namespace mellow::tools {

// dataset,model,method,seed,protocol,epoch,accuracy,nll,ece,cwece,seconds: one row per finished run and
// protocol, in the order of the plan.
std::string summary_csv(const std::vector<PlannedRun>& plan, const std::vector<Outcome>& outcomes);

}  // namespace mellow::tools
