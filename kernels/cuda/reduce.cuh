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

template <class T>
__device__ T warp_sum(T value) {
  return warp_reduce(value, Sum{});
}
template <class T>
__device__ T warp_max(T value) {
  return warp_reduce(value, Max{});
}
// Up to 1024 threads.
template <class T>
__device__ T block_sum(T value) {
  __shared__ T parts[warp_size];
  const int lane = static_cast<int>(threadIdx.x) % warp_size,
            warp = static_cast<int>(threadIdx.x) / warp_size;
  value = warp_sum(value);
  __syncthreads();  // the parts of an earlier call have been read
  if (lane == 0) parts[warp] = value;
  __syncthreads();
  return warp_sum(lane < static_cast<int>(blockDim.x) / warp_size ? parts[lane] : T{0});
}

}  // namespace mellow::cuda
