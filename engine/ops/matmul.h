// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>

#include "mellow/engine/autograd/tape.h"
#include "mellow/engine/core/tensor.h"

namespace mellow {

// a [m, k] · b [k, n] → [m, n]; with a transposed flag the operand is stored the other way round.
// Batched: a [batch, m, k], b [batch, k, n] → [batch, m, n].
Tensor matmul(const Tensor& a, const Tensor& b, bool transpose_a = false, bool transpose_b = false);

// x […, in] · weightᵀ + bias; weight [out, in] as in PyTorch, bias [out] or empty.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias);

// c := a · b, or += with `add`, off the tape; a transposed flag as in matmul(). Rows may be strided.
void matmul_into(Cpu& cpu, const Tensor& a, bool transpose_a, const Tensor& b, bool transpose_b,
                 const Tensor& c, bool add);
void matmul_into(Cuda& cuda, const Tensor& a, bool transpose_a, const Tensor& b, bool transpose_b,
                 const Tensor& c, bool add);

struct Matmul {
  bool transpose_a, transpose_b;
  Tensor a, b;
  void forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out);
  void forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out);
  void backward(Cpu& cpu, const Tensor& dy, Gradients& gradients);
  void backward(Cuda& cuda, const Tensor& dy, Gradients& gradients);
};

struct Linear {
  Tensor x, weight;
  bool has_bias = false;
  void forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out);
  void forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out);
  void backward(Cpu& cpu, const Tensor& dy, Gradients& gradients);
  void backward(Cuda& cuda, const Tensor& dy, Gradients& gradients);
};

}  // namespace mellow
