// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>

#include "mellow/engine/autograd/tape.h"
#include "mellow/engine/core/tensor.h"

namespace mellow {

struct ContrastiveOptions {
  double alpha = 0.5;         // weight of the instance term; the temporal term has 1 - alpha
  int64_t temporal_unit = 0;  // levels below it have no temporal term
};

// TS2Vec's hierarchical contrastive loss (Yue et al., AAAI 2022, eq. 1-3 and algorithm 1): instance and
// temporal terms at every level of a max-pooling pyramid (width 2, floor), averaged over the levels. z1, z2
// [batch, length, dims]: two encodings of the same steps → [1]. The 2T × 2T similarities are never held
// whole.
Tensor hierarchical_contrastive(const Tensor& z1, const Tensor& z2, const ContrastiveOptions& options = {});

struct HierarchicalContrastive {
  ContrastiveOptions options;
  bool wanted = false;
  Tensor dz1, dz2;  // gradients, written with the value when wanted
  void forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out);
  void forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out);
  void backward(Cpu& cpu, const Tensor& dy, Gradients& gradients);
  void backward(Cuda& cuda, const Tensor& dy, Gradients& gradients);
};

}  // namespace mellow
