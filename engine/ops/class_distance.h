// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/engine/core/tensor.h"

namespace mellow {

// Mean Euclidean distance from each sample to the samples of each class (the sample itself counts, at
// distance 0):
//   out[i, n] = (1 / |D_n|) Σ_{j ∈ D_n} ‖x_i − x_j‖₂
// x [samples, dims], labels i32 [samples] in [0, classes) → [samples, classes] of x's dtype. Never holds
// samples × samples. float32 stays accurate for close samples: the data is centred first, and pairs whose
// squared distance cancels in ‖a‖² + ‖b‖² − 2ab are summed again as Σ (a − b)². A class without samples is an
// error.
Tensor class_distances(const Tensor& x, const Tensor& labels, int64_t classes);

void class_distances(Cpu& cpu, const Tensor& x, const Tensor& labels, const Tensor& out);
void class_distances(Cuda& cuda, const Tensor& x, const Tensor& labels, const Tensor& out);

}  // namespace mellow
