// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>

#include "mellow/tools/study/synthetic_result.h"

namespace mellow::tools {

// One replicate of the study at one learning rate: data, every method's grid, selection by validation
// cross-entropy, scores. A function of its arguments alone; replicates of one number share data and initial
// weights across rates. Throws ErrorKind::cancelled when `stop` says so, which is asked before each training.
ReplicateResult run_replicate(uint64_t seed, int64_t replicate, double lr, const std::function<bool()>& stop);

}  // namespace mellow::tools
