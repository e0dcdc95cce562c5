// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "mellow/engine/core/tensor.h"

namespace mellow {

// What random ops draw from (engine/core/random.h): the seed, and the number of the training step, which lies
// on the device so that a captured step draws anew at every replay.
struct RandomState {
  uint64_t seed = 0;
  Tensor step;  // i64 [1]
};

}  // namespace mellow
