// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/kernels/cuda/launch.cuh"

// All pairs between 64 vectors and 64 others, by one block: 16 × 16 threads, each with 4 × 4 pairs in
// registers. The vectors pass through shared memory, 16 of their dimensions at a time.
namespace mellow::cuda::tile {

constexpr int size = 64;              // vectors on each side
constexpr int depth = 16;             // dimensions at a time
constexpr int each = 4;               // vectors of each side per thread
constexpr int side = size / each;     // threads along each side
constexpr int threads = side * side;  // of the block
constexpr int pitch = size + each;    // row of a shared array: shifted banks, 16-byte aligned

struct alignas(16) Slice {
  float at[depth][pitch];  // [dimension][vector]
};
using Pairs = float[each][each];  // [vector a][vector b] of this thread

// This thread's vectors are 4 · row() … + 3 on the first side and 4 · column() … + 3 on the second.
__device__ inline int row() { return static_cast<int>(threadIdx.x) / side; }
__device__ inline int column() { return static_cast<int>(threadIdx.x) % side; }

// slice := dimensions [from, from + 16) of 64 vectors; vector_at(v) is its address or null. What is missing
// becomes 0. 16 neighbouring threads read neighbouring dimensions.
template <class VectorAt>
__device__ void load(Slice& slice, VectorAt vector_at, int from, int dims) {
  for (int i = static_cast<int>(threadIdx.x); i < size * depth; i += threads) {
    const int v = i / depth, k = i % depth;
    const float* vector = vector_at(v);
    slice.at[k][v] = vector != nullptr && from + k < dims ? vector[from + k] : 0.0f;
  }
}

// pairs := Σ over the dimensions of combine(a, b). All threads of the block take part.
template <class A, class B, class Combine>
__device__ void sum_pairs(Slice& a, Slice& b, A a_at, B b_at, int dims, Combine combine, Pairs& pairs) {
  for (int r = 0; r < each; ++r)
    for (int c = 0; c < each; ++c) pairs[r][c] = 0;
  for (int from = 0; from < dims; from += depth) {
    __syncthreads();  // the slices before have been read
    load(a, a_at, from, dims);
    load(b, b_at, from, dims);
    __syncthreads();
#pragma unroll
    for (int k = 0; k < depth; ++k)
#pragma unroll
      for (int r = 0; r < each; ++r)
#pragma unroll
        for (int c = 0; c < each; ++c)
          pairs[r][c] = combine(pairs[r][c], a.at[k][each * row() + r], b.at[k][each * column() + c]);
  }
}

}  // namespace mellow::cuda::tile
