// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/engine/core/error.h"
#include "mellow/engine/core/tensor.h"

namespace mellow::internal {

// Throws, naming the op, unless neighbours along the last dimension are neighbours in memory.
inline void check_dense(const char* where, const Tensor& x) {
  MELLOW_CHECK(x.rank() == 0 || x.dim(-1) <= 1 || x.stride(-1) == 1, "[", where, "] the last dimension of ",
               x.shape(), " must be dense");
}

// Rows of a tensor whose last dimension is dense: how windows of a concatenation buffer are walked.
// Dimensions before the last must be evenly spaced: true for contiguous tensors and for channel windows of
// them.
struct Rows {
  int64_t count, width, stride;
};
inline Rows rows_of(const char* where, const Tensor& x) {
  check_dense(where, x);
  if (x.rank() == 0) return {1, 1, 1};
  const int64_t width = x.dim(-1);
  const int64_t stride = x.rank() == 1 ? width : x.stride(-2);
  for (int i = x.rank() - 2; i > 0; --i)
    MELLOW_CHECK(x.dim(i - 1) == 1 || x.stride(i - 1) == x.stride(i) * x.dim(i), "[", where, "] rows of ",
                 x.shape(), " must be evenly spaced");
  return {width == 0 ? 0 : x.count() / width, width, stride};
}

}  // namespace mellow::internal
