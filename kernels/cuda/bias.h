// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/engine/core/tensor.h"

namespace mellow::cuda {

// y[…, c] += bias[c]. y may be a window with evenly spaced rows.
void add_bias(Cuda& cuda, const Tensor& y, const Tensor& bias);

// The gradient of a bias: sum[c] (+)= Σ over all rows of dy[…, c]; adds when `add` is set.
void bias_backward(Cuda& cuda, const Tensor& dy, const Tensor& sum, bool add);

}  // namespace mellow::cuda
