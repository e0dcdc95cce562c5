// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace mellow::tools {

class Progress;

// Writes <folder>/summary.csv: dataset,model,method,seed,protocol,epoch,accuracy,nll,ece,cwece,seconds, one
// row per protocol of every finished run directory in the folder, whichever command trained it. Several
// processes may do so at once. A run whose record cannot be read is told and left out.
void write_summary(const std::string& folder, Progress& progress);

}  // namespace mellow::tools
