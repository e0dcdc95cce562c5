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
  bool count_padding = true;  // average: divide by the full width, padding is zeros (PyTorch's default)
};

// x [batch, length, channels] → [batch, (length + pad_left + pad_right - width) / stride + 1, channels].
// Ties go to the first step; NaN is passed on. Each window must hold at least one real step. Between
// max_pool1d and a convolution see conv1d_of_max_pool.
Tensor max_pool1d(const Tensor& x, const Pool1dOptions& options);
Tensor avg_pool1d(const Tensor& x, const Pool1dOptions& options);

// Of the result; throws when the arguments do not fit each other, naming `where`.
Shape pool1d_shape(const char* where, const Tensor& x, const Pool1dOptions& options);

struct MaxPool1d {
  Pool1dOptions options;
  Tensor winner;  // u8 [batch, out_length, channels]: position in the window; width <= 255
  template <class Backend>
  void forward(Backend& device, std::span<const Tensor> in, const Tensor& out);
  template <class Backend>
  void backward(Backend& device, const Tensor& dy, Gradients& gradients);
};

// y := the largest of each window of x, and the winners, unless that handle is empty.
void max_windows(Cpu& cpu, const Pool1dOptions& options, const Tensor& x, const Tensor& y,
                 const Tensor& winner);
void max_windows(Cuda& cuda, const Pool1dOptions& options, const Tensor& x, const Tensor& y,
                 const Tensor& winner);
// dx (+)= dy of the windows that each step won.
void max_windows_backward(Cpu& cpu, const Pool1dOptions& options, const Tensor& winner, const Tensor& dy,
                          const Gradients::Target& dx);
void max_windows_backward(Cuda& cuda, const Pool1dOptions& options, const Tensor& winner, const Tensor& dy,
                          const Gradients::Target& dx);

struct AvgPool1d {
  Pool1dOptions options;
  void forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out);
  void forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out);
  void backward(Cpu& cpu, const Tensor& dy, Gradients& gradients);
  void backward(Cuda& cuda, const Tensor& dy, Gradients& gradients);
};

}  // namespace mellow
