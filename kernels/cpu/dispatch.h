// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/engine/core/error.h"
#include "mellow/engine/core/tensor.h"
#include "mellow/kernels/rows.h"

namespace mellow::cpu {

// Calls f.template operator()<T>() with T = float or double; other dtypes are an error that names the op.
template <class F>
decltype(auto) for_float(const char* where, DType dtype, F&& f) {
  if (dtype == DType::f64) return f.template operator()<double>();
  MELLOW_CHECK(dtype == DType::f32, "[", where, "] computes on F32 or F64, got ", name_of(dtype));
  return f.template operator()<float>();
}

using internal::Rows;
using internal::rows_of;

}  // namespace mellow::cpu
