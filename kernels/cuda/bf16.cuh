// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstdint>

#include <cuda_runtime.h>

#include "mellow/engine/core/tensor.h"

namespace mellow::cuda {

// The upper half of a float32, rounded to nearest even; a NaN stays one.
__device__ inline bfloat16 rounded(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return {static_cast<uint16_t>(bits >> 16 | 0x40u)};
  return {static_cast<uint16_t>((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16)};
}

__device__ inline float widened(bfloat16 value) {
  return std::bit_cast<float>(static_cast<uint32_t>(value.bits) << 16);
}

}  // namespace mellow::cuda
