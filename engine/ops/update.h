// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/engine/core/tensor.h"

// One launch over all parameters, which lie in one flat array (engine/nn/flat_parameters.h). float32 or
// float64, in place. The learning rate (f32 [1]) and the step number (i64 [1], 1 at the first update) lie on
// the device.
namespace mellow {

enum class AdamForm {
  torch,  // eps added to sqrt(v) / sqrt(1 - beta2^t)
  keras   // bias corrections folded into the rate, eps added to sqrt(v) ("eps hat")
};

struct AdamOptions {
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  double weight_decay = 0;  // decoupled (AdamW): w := w - lr · decay · w before the step
  AdamForm form = AdamForm::torch;
};

struct AdamArrays {
  Tensor weight, gradient, first, second;  // flat, same length
};
void adam(Cpu& cpu, const AdamArrays& a, const Tensor& rate, const Tensor& step, const AdamOptions& options);
void adam(Cuda& cuda, const AdamArrays& a, const Tensor& rate, const Tensor& step,
          const AdamOptions& options);

struct SgdOptions {
  double momentum = 0;
  double weight_decay = 0;  // added to the gradient, as in PyTorch
  bool nesterov = false;
};
// `velocity` may be empty when momentum is 0; at step 1 it is set to the gradient.
void sgd(Cpu& cpu, const Tensor& weight, const Tensor& gradient, const Tensor& velocity, const Tensor& rate,
         const Tensor& step, const SgdOptions& options);
void sgd(Cuda& cuda, const Tensor& weight, const Tensor& gradient, const Tensor& velocity, const Tensor& rate,
         const Tensor& step, const SgdOptions& options);

// average := average + (weight - average) / (updates + 1); updates i64 [1] is the number of weights averaged
// so far, then updates += 1. Stochastic weight averaging, Izmailov et al. 2018.
void average_weights(Cpu& cpu, const Tensor& average, const Tensor& weight, const Tensor& updates);
void average_weights(Cuda& cuda, const Tensor& average, const Tensor& weight, const Tensor& updates);

// average := d · average + (1 - d) · weight, d = min(1 - 1 / (step + 1), decay): an exponential moving
// average that forgets its start (Tarvainen & Valpola 2017). step i64 [1], 1 at the first update.
void follow_weights(Cpu& cpu, const Tensor& average, const Tensor& weight, const Tensor& step, double decay);
void follow_weights(Cuda& cuda, const Tensor& average, const Tensor& weight, const Tensor& step,
                    double decay);

}  // namespace mellow
