// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <cuda_runtime.h>

// Tensor cores, warp by warp: all 32 lanes of a warp make each call together. The layouts are those of the
// PTX ISA, «Matrix Fragments for mma.m16n8k8» (.tf32) and «mma.m16n8k16» (.bf16). Counted in 32-bit words,
// one tf32 or two bf16 each, both are the same: a [16 rows, 8 words], b [8 columns, 8 words], c [16 rows, 8
// columns]; with g = lane / 4 and t = lane % 4, a lane holds
//   a: (g, t), (g + 8, t), (g, t + 4), (g + 8, t + 4)
//   b: (g, t), (g, t + 4)
//   c: (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1)
// Needs compute capability 8.0; below, code for it compiles and must not be launched. The emulation of the
// tests has a twin of this file.
namespace mellow::cuda {

struct Fragment {
  uint32_t at[4];
};

// float32 rounded to tf32, to nearest, ties away from zero.
__device__ inline uint32_t tf32_word(float value) {
  uint32_t word = 0;
#if __CUDA_ARCH__ >= 800
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(word) : "f"(value));
#endif
  return word;
}

// Two float32 rounded to bf16, to nearest even; `first` lies in the lower half.
__device__ inline uint32_t bf16_word(float first, float second) {
  uint32_t word = 0;
#if __CUDA_ARCH__ >= 800
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(second), "f"(first));
#endif
  return word;
}

// Four quarters of 8 rows of 4 words from shared memory: lane l names row l % 8 of quarter l / 8 and receives
// word (l / 4, l % 4) of each. Addresses are multiples of 16 bytes.
__device__ inline Fragment load_quarters(const uint32_t* row_of_lane) {
  Fragment f{};
#if __CUDA_ARCH__ >= 800
  const auto row = static_cast<uint32_t>(__cvta_generic_to_shared(row_of_lane));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(f.at[0]), "=r"(f.at[1]), "=r"(f.at[2]), "=r"(f.at[3])
               : "r"(row)
               : "memory");
#endif
  return f;
}

// c += a · bᵀ, sums in float32.
__device__ inline void multiply_tf32(float (&c)[4], const Fragment& a, uint32_t b0, uint32_t b1) {
#if __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a.at[0]), "r"(a.at[1]), "r"(a.at[2]), "r"(a.at[3]), "r"(b0), "r"(b1));
#endif
}
__device__ inline void multiply_bf16(float (&c)[4], const Fragment& a, uint32_t b0, uint32_t b1) {
#if __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a.at[0]), "r"(a.at[1]), "r"(a.at[2]), "r"(a.at[3]), "r"(b0), "r"(b1));
#endif
}

// The block's dynamic shared memory.
__device__ inline uint32_t* dynamic_shared() {
  extern __shared__ uint4 mellow_dynamic_shared[];
  return reinterpret_cast<uint32_t*>(mellow_dynamic_shared);
}

}  // namespace mellow::cuda
