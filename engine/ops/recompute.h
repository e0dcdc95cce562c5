// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/engine/core/tensor.h"

namespace mellow {

// Time for memory: y's elements are dropped now and computed again in backward, by the op that made y and
// with the same bits. For cheap ops (batch_norm, a convolution of one channel) whose output a costly one
// keeps for backward. Call it after the last op that reads y; views of y taken before keep the elements. Does
// nothing where nothing is recorded; an op that cannot repeat itself is an error.
void recompute_for_backward(const Tensor& y);

}  // namespace mellow
