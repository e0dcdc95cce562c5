// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>

#include "mellow/engine/core/tensor.h"

namespace mellow {

// How well the classes of points are apart; distances are Euclidean.
struct ClassSeparation {
  double intra = 0;       // mean distance over all pairs of samples with the same label
  double inter = 0;       // mean distance over all pairs with different labels
  double ratio = 0;       // intra / inter
  double silhouette = 0;  // mean (b − a) / max(a, b) (Rousseeuw 1987); a sample alone in its class counts 0
};

// x [samples, dims] of f32 (or f64 on the CPU), labels [samples]. The device gives the mean distances to each
// class [samples, classes], never samples × samples; the host sums in double. Throws unless two classes occur
// and one of them twice: the rest is undefined then.
ClassSeparation class_separation(const Tensor& x, std::span<const int32_t> labels);

}  // namespace mellow
