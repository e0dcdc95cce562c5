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
// empty. Gives conv1d_shape(), [batch, (length + pad_left + pad_right - dilation (width - 1) - 1) / stride +
// 1, out_channels]. `place`, when given, receives the result: it may be a channel window of a larger tensor
// (engine/ops/join.h).
Tensor conv1d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv1dOptions& options,
              const Tensor& place = {});

// Of the result for an x of this shape; throws when the arguments do not fit each other.
Shape conv1d_shape(const Shape& x, const Tensor& weight, const Tensor& bias, const Conv1dOptions& options);

struct Conv1d {  // keeps x and weight
  Conv1dOptions options;
  Tensor x, weight;
  bool has_bias = false;
  void forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out);
  void forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out);
  template <class Backend>
  void backward(Backend& device, const Tensor& dy, Gradients& gradients);
  template <class Backend>
  void rebuild(Backend& device, std::span<const Tensor> in, const Tensor& out) {
    forward(device, in, out);
  }
  // The halves of backward: of weight and bias, and of x.
  struct WeightTargets {
    Gradients::Target weight, bias;  // no place where not wanted
  };
  WeightTargets weight_targets(Gradients& gradients) const;
  void weight_gradients(Cpu& cpu, const Tensor& dy, const WeightTargets& to) const;
  void weight_gradients(Cuda& cuda, const Tensor& dy, const WeightTargets& to) const;
  void data_gradient(Cpu& cpu, const Tensor& dy, const Gradients::Target& dx) const;
  void data_gradient(Cuda& cuda, const Tensor& dy, const Gradients::Target& dx) const;
};

}  // namespace mellow
