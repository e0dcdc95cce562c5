// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>

#include "mellow/engine/autograd/tape.h"
#include "mellow/engine/core/tensor.h"

namespace mellow {

// How the running variance counts a batch of n values per channel (specs differ, never mix).
enum class VarianceCorrection {
  bessel,  // PyTorch: var · n / (n - 1)
  keras    // Keras 2.2: var · n / (n - 1 - eps)
};

struct BatchNormOptions {
  double eps = 1e-5;
  double momentum = 0.1;  // running := (1 - momentum) running + momentum batch
  VarianceCorrection correction = VarianceCorrection::bessel;
  // Normalise with the batch's statistics and update the running ones; else use the running ones.
  bool training = true;
  bool relu = false;  // y = max(0, normalised), in the same pass
};

// Ioffe & Szegedy 2015, over all dimensions but the last. x […, channels]; gamma, beta, running_mean and
// running_var [channels]. Normalises with the biased variance. One value per channel in training mode is an
// error, as in PyTorch.
Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& running_mean,
                  const Tensor& running_var, const BatchNormOptions& options);

struct BatchNorm {
  BatchNormOptions options;
  Tensor running_mean, running_var;
  // y is not kept: (x - mean) · slope + offset has the sign that the relu saw, and is y again.
  Tensor x;
  Tensor mean, inv_std, slope, offset;  // [channels]; what x was normalised with
  void forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out);
  void forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out);
  void backward(Cpu& cpu, const Tensor& dy, Gradients& gradients);
  void backward(Cuda& cuda, const Tensor& dy, Gradients& gradients);
  void rebuild(Cpu& cpu, std::span<const Tensor> in, const Tensor& out);
  void rebuild(Cuda& cuda, std::span<const Tensor> in, const Tensor& out);
};

}  // namespace mellow
