// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/engine/core/tensor.h"

namespace mellow::cuda {

// y[…, c] += bias[c]. y may be a window with evenly spaced rows.
void add_bias(Cuda& cuda, const Tensor& y, const Tensor& bias);

}  // namespace mellow::cuda
