// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <cuda_runtime.h>

namespace mellow::cuda {

// a / b for a, b >= 0: a 64-bit division takes several times as long as a 32-bit one.
__device__ inline int64_t divide(int64_t a, int64_t b) {
  if (((a | b) >> 32) == 0) return static_cast<uint32_t>(a) / static_cast<uint32_t>(b);
  return a / b;
}

}  // namespace mellow::cuda
