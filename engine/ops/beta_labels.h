// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "mellow/engine/core/tensor.h"

namespace mellow {

struct BetaLabelOptions {
  double weight = 0.6;  // of the drawn label; the rest stays on the class
  double shape = 5;     // a of Beta(a, 1)
  uint64_t seed = 0;
};

// Instance-specific label smoothing (Zhang & Sabuncu 2020), one batch: as many draws of Beta(a, 1) as samples
// are sorted and handed out in the order of the samples' confidence, smallest to least confident. Row
// index[i] of `out` becomes (1 - weight) e + weight t, t = the draw on the class and the rest evenly on the
// others.
//   probabilities [batch, classes]: of the network that judges; only the class's is read
//   labels i32 [samples], index i32 [batch], step i64 [1] (numbers the draw), out [samples, classes], float32
// Equal confidences go by their place in the batch; NaN is the least. Needs two classes.
void beta_labels(Cpu& cpu, const Tensor& probabilities, const Tensor& labels, const Tensor& index,
                 const Tensor& step, const BetaLabelOptions& options, const Tensor& out);
void beta_labels(Cuda& cuda, const Tensor& probabilities, const Tensor& labels, const Tensor& index,
                 const Tensor& step, const BetaLabelOptions& options, const Tensor& out);

}  // namespace mellow
