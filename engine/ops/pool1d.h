// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>

#include "mellow/engine/autograd/tape.h"
#include "mellow/engine/core/tensor.h"

namespace mellow {

struct Pool1dOptions {
  int64_t width = 2, stride = 2;
  int64_t pad_left = 0, pad_right = 0;  // max: padding never wins; average: see count_padding
  bool count_padding =
      true;  // average divides by the full width, padding counted as zeros (PyTorch's default)
};

// x [batch, length, channels] → [batch, (length + pad_left + pad_right - width) / stride + 1, channels].
// Ties go to the first step; NaN is passed on. Each window must hold at least one real step.
Tensor max_pool1d(const Tensor& x, const Pool1dOptions& options);
Tensor avg_pool1d(const Tensor& x, const Pool1dOptions& options);

struct MaxPool1d {
  Pool1dOptions options;
  Tensor winner;  // u8 [batch, out_length, channels]: position in the window; width <= 255
  void forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out);
  void forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out);
  void backward(Cpu& cpu, const Tensor& dy, Gradients& gradients);
  void backward(Cuda& cuda, const Tensor& dy, Gradients& gradients);
  void rebuild(Cpu& cpu, std::span<const Tensor> in, const Tensor& out);
  void rebuild(Cuda& cuda, std::span<const Tensor> in, const Tensor& out);
};

struct AvgPool1d {
  Pool1dOptions options;
  void forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out);
  void forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out);
  void backward(Cpu& cpu, const Tensor& dy, Gradients& gradients);
  void backward(Cuda& cuda, const Tensor& dy, Gradients& gradients);
};

}  // namespace mellow
