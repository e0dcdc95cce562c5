// SPDX-License-Identifier: MIT
#pragma once

#include <span>

#include "mellow/engine/autograd/tape.h"
#include "mellow/engine/core/tensor.h"

namespace mellow {

// The same values in another element type, rounded to nearest even; contiguous tensors. Between F32 and BF16
// on every device, between F32 and F64 on the CPU. The gradient is cast back. Computing is done in F32: bf16
// tensors are storage.
Tensor cast(const Tensor& x, DType dtype);

struct Cast {
  void forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out);
  void forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out);
  void backward(Cpu& cpu, const Tensor& dy, Gradients& gradients);
  void backward(Cuda& cuda, const Tensor& dy, Gradients& gradients);
};

}  // namespace mellow
