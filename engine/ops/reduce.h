// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>

#include "mellow/engine/autograd/tape.h"
#include "mellow/engine/core/tensor.h"

namespace mellow {

// Over time: x [batch, length, channels] → [batch, channels]. Sums in double on the CPU, pairwise float32 on
// CUDA.
Tensor mean_over_time(const Tensor& x);  // global average pooling
Tensor max_over_time(const Tensor& x);   // global max pooling; ties go to the first step, NaN is passed on

// Of all elements: → [1].
Tensor sum(const Tensor& x);
Tensor mean(const Tensor& x);

struct MeanOverTime {
  int64_t length = 0;
  void forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out);
  void forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out);
  void backward(Cpu& cpu, const Tensor& dy, Gradients& gradients);
  void backward(Cuda& cuda, const Tensor& dy, Gradients& gradients);
};

struct MaxOverTime {
  Tensor winner;  // i32 [batch, channels]
  void forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out);
  void forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out);
  void backward(Cpu& cpu, const Tensor& dy, Gradients& gradients);
  void backward(Cuda& cuda, const Tensor& dy, Gradients& gradients);
};

struct Sum {
  double factor = 1;  // 1 / count for the mean
  void forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out);
  void forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out);
  void backward(Cpu& cpu, const Tensor& dy, Gradients& gradients);
  void backward(Cuda& cuda, const Tensor& dy, Gradients& gradients);
};

}  // namespace mellow
