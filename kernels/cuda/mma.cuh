// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/kernels/cuda/mma_instructions.cuh"

// Operands of tensor cores from rows of words in shared memory, each of which begins at a multiple of 16
// bytes.
namespace mellow::cuda {

// An a: 16 rows of 8 words, `pitch` words from row to row. No bank conflicts where pitch % 32 is 4, 12,
// 20, 28.
__device__ inline Fragment load_a(const uint32_t* corner, int pitch) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  return load_quarters(corner + lane % 16 * pitch + lane / 16 * 4);
}

// Two b: 16 columns of 8 words; at[0], at[1] are the first eight columns' b, at[2], at[3] the others'.
__device__ inline Fragment load_two_b(const uint32_t* corner, int pitch) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  return load_quarters(corner + (lane % 8 + lane / 16 * 8) * pitch + lane / 8 % 2 * 4);
}

}  // namespace mellow::cuda
