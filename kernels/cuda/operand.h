// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/engine/core/error.h"
#include "mellow/kernels/rows.h"

namespace mellow::cuda {

using internal::Rows;
using internal::rows_of;

// The device computes on float32 alone; the float64 reference is the CPU's.
inline float* f32(const char* where, const Tensor& x) {
  MELLOW_CHECK(x.dtype() == DType::f32, "[", where, "] computes on F32 on CUDA, got ", name_of(x.dtype()),
               ": use the CPU for other element types");
  return x.data<float>();
}

}  // namespace mellow::cuda
