// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/kernels/cuda/mma.cuh"

// The two operand formats of tensor cores: how float32 values become words in shared memory. Kernels are
// templates on one of them.
namespace mellow::cuda {

struct Tf32 {
  static constexpr int per_word = 1;  // operands in a 32-bit word
  using Quad = uint4;
  // Four operands that are neighbours in the summed dimension.
  __device__ static Quad along(float4 v) {
    return {tf32_word(v.x), tf32_word(v.y), tf32_word(v.z), tf32_word(v.w)};
  }
  // The words of four neighbours in the other dimension; rows[i]: the summed dimension's i-th of the word.
  __device__ static uint4 across(const float4* rows) { return along(rows[0]); }
  __device__ static void multiply_add(float (&c)[4], const Fragment& a, uint32_t b0, uint32_t b1) {
    multiply_tf32(c, a, b0, b1);
  }
};

struct Bf16 {
  static constexpr int per_word = 2;
  using Quad = uint2;
  __device__ static Quad along(float4 v) { return {bf16_word(v.x, v.y), bf16_word(v.z, v.w)}; }
  __device__ static uint4 across(const float4* rows) {
    return {bf16_word(rows[0].x, rows[1].x), bf16_word(rows[0].y, rows[1].y), bf16_word(rows[0].z, rows[1].z),
            bf16_word(rows[0].w, rows[1].w)};
  }
  __device__ static void multiply_add(float (&c)[4], const Fragment& a, uint32_t b0, uint32_t b1) {
    multiply_bf16(c, a, b0, b1);
  }
};

}  // namespace mellow::cuda
