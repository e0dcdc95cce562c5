// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/engine/core/error.h"
#include "mellow/engine/core/tensor.h"

namespace mellow::cpu {

// Calls f.template operator()<T>() with T = float or double; other dtypes are an error that names the op.
template <class F>
decltype(auto) for_float(const char* where, DType dtype, F&& f) {
  if (dtype == DType::f64) return f.template operator()<double>();
  MELLOW_CHECK(dtype == DType::f32, "[", where, "] computes on F32 or F64, got ", name_of(dtype));
  return f.template operator()<float>();
}

// Rows of a tensor whose last dimension is dense: how windows of a concatenation buffer are walked.
// Dimensions before the last must be evenly spaced: true for contiguous tensors and for channel windows of
// them.
struct Rows {
  int64_t count, width, stride;
};
inline Rows rows_of(const char* where, const Tensor& x) {
  if (x.rank() == 0) return {1, 1, 1};
  const int64_t width = x.dim(-1);
  MELLOW_CHECK(width <= 1 || x.stride(-1) == 1, "[", where, "] the last dimension of ", x.shape(),
               " must be dense");
  const int64_t stride = x.rank() == 1 ? width : x.stride(-2);
  for (int i = x.rank() - 2; i > 0; --i)
    MELLOW_CHECK(x.dim(i - 1) == 1 || x.stride(i - 1) == x.stride(i) * x.dim(i), "[", where, "] rows of ",
                 x.shape(), " must be evenly spaced");
  return {width == 0 ? 0 : x.count() / width, width, stride};
}

}  // namespace mellow::cpu
