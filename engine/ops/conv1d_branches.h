// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "mellow/engine/ops/conv1d.h"

namespace mellow {

// Convolutions of the same x without biases, their results side by side: weights[i] [out_channels_i, width_i,
// in_channels / groups] under options[i] fill the next out_channels_i channels of [batch, out_length, sum of
// out_channels]. All give the same length. On CUDA one launch does what several would, where that is faster:
// the branches of an InceptionTime module. `place` as in conv1d.
Tensor conv1d_branches(const Tensor& x, std::span<const Tensor> weights,
                       std::span<const Conv1dOptions> options, const Tensor& place = {});

struct Conv1dBranches {
  std::vector<Conv1d> branches;
  template <class Backend>
  void forward(Backend& device, std::span<const Tensor> in, const Tensor& out);
  template <class Backend>
  void backward(Backend& device, const Tensor& dy, Gradients& gradients);
  template <class Backend>
  void rebuild(Backend& device, std::span<const Tensor> in, const Tensor& out) {
    forward(device, in, out);
  }
};

// What they consist of, for branches that have x and weight: y[i], dy[i] and dw[i] belong to branches[i]. A
// weight gradient without a place is not wanted; dx takes the sum over the branches.
void forward_together(Cuda& cuda, std::span<const Conv1d> branches, std::span<const Tensor> y);
void weight_gradients_together(Cuda& cuda, std::span<const Conv1d> branches, std::span<const Tensor> dy,
                               std::span<const Gradients::Target> dw);
void data_gradient_together(Cuda& cuda, std::span<const Conv1d> branches, std::span<const Tensor> dy,
                            const Gradients::Target& dx);

}  // namespace mellow
