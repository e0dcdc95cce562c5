// SPDX-License-Identifier: MIT
#pragma once

#include <initializer_list>

#include "mellow/engine/core/tensor.h"

namespace mellow::internal {

// What the optimisers ask of their arrays, on every device (engine/ops/update.h).
inline void check_flat(const char* where, const Tensor& weight, std::initializer_list<const Tensor*> others) {
  check_rank(where, weight, 1, "flat weights [count]");
  MELLOW_CHECK(weight.is_contiguous(), "[", where, "] weights must be contiguous");
  for (const Tensor* t : others)
    MELLOW_CHECK(
        t->defined() && t->shape() == weight.shape() && t->dtype() == weight.dtype() && t->is_contiguous(),
        "[", where, "] every array must be contiguous ", name_of(weight.dtype()), " ", weight.shape(),
        ", got ", t->defined() ? text(name_of(t->dtype()), " ", t->shape()) : "an empty tensor");
}

}  // namespace mellow::internal
