// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/tools/study/synthetic_result.h"

namespace mellow::tools {

// What the paper prints for a method ("Instance-based label smoothing for better calibrated classification
// networks", Tables I, II, V and VI; means over its 100 replicates), NaN where it prints nothing. Its "cwECE"
// is the class-conditioned one: cwece_cc. Its columns P1 and P2 are swapped and swapped back here.
Scores published(std::string_view method);

}  // namespace mellow::tools
