// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>

#include "mellow/engine/autograd/tape.h"
#include "mellow/engine/core/tensor.h"

namespace mellow {

struct Conv1dOptions {
  int64_t stride = 1, dilation = 1, groups = 1;
  int64_t pad_left = 0, pad_right = 0;
};

// Zero padding that keeps the length at stride 1. An even kernel's extra zero goes to the right, as in
// TensorFlow and in PyTorch's padding='same'.
Conv1dOptions same_padding(int64_t width, int64_t dilation = 1);

// x [batch, length, in_channels], weight [out_channels, width, in_channels / groups], bias [out_channels] or
// empty. Gives [batch, (length + pad_left + pad_right - dilation (width - 1) - 1) / stride + 1,
// out_channels]. `place`, when given, receives the result: it may be a channel window of a larger tensor
// (engine/ops/join.h).
Tensor conv1d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv1dOptions& options,
              const Tensor& place = {});

struct Conv1d {  // keeps x and weight; backward lets go of x before it takes memory for dx
  Conv1dOptions options;
  Tensor x, weight;
  bool has_bias = false;
  void forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out);
  void forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out);
  void backward(Cpu& cpu, const Tensor& dy, Gradients& gradients);
  void backward(Cuda& cuda, const Tensor& dy, Gradients& gradients);
};

}  // namespace mellow
