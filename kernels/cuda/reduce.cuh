// SPDX-License-Identifier: MIT
#pragma once

#include <cuda_runtime.h>

#include "mellow/kernels/cuda/launch.cuh"

// Sums and maxima over a warp or a block, always in the same order: the same bits every run. Every thread
// of the warp or block takes part and gets the result. Blocks are a multiple of 32 threads.
namespace mellow::cuda {

struct Sum {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a + b;
  }
};

struct Max {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a > b ? a : b;
  }
};

template <class T, class Combine>
__device__ T warp_reduce(T value, Combine combine) {
  for (int distance = warp_size / 2; distance > 0; distance /= 2)
    value = combine(value, __shfl_xor_sync(0xffffffffu, value, distance));
  return value;
}

// Up to 1024 threads. `neutral` combines with anything to that thing.
template <class T, class Combine>
__device__ T block_reduce(T value, T neutral, Combine combine) {
  __shared__ T parts[warp_size];
  const int lane = static_cast<int>(threadIdx.x) % warp_size,
            warp = static_cast<int>(threadIdx.x) / warp_size;
  value = warp_reduce(value, combine);
  __syncthreads();  // the parts of an earlier call have been read
  if (lane == 0) parts[warp] = value;
  __syncthreads();
  return warp_reduce(lane < static_cast<int>(blockDim.x) / warp_size ? parts[lane] : neutral, combine);
}

template <class T>
__device__ T warp_sum(T value) {
  return warp_reduce(value, Sum{});
}
template <class T>
__device__ T warp_max(T value) {
  return warp_reduce(value, Max{});
}
template <class T>
__device__ T block_sum(T value) {
  return block_reduce(value, T{0}, Sum{});
}
// `lowest` is below every value, such as -infinity.
template <class T>
__device__ T block_max(T value, T lowest) {
  return block_reduce(value, lowest, Max{});
}

}  // namespace mellow::cuda
