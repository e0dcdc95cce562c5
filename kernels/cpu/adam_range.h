// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "mellow/engine/ops/update.h"

namespace mellow::cpu {

// What one step is made of, in the element type.
template <class T>
struct AdamStep {
  T beta1, rest1, beta2, rest2;  // rest = 1 - beta
  T shrink;                      // 1 - lr · decay
  T rate, root, eps;             // w -= rate · m / (root · sqrt(v) + eps)
};

template <class T>
AdamStep<T> adam_step(const AdamOptions& options, double lr, double t);

// One step over n elements, on the calling thread.
template <class T>
void adam_range(int64_t n, const AdamStep<T>& step, const T* gradient, T* weight, T* first, T* second);

}  // namespace mellow::cpu
