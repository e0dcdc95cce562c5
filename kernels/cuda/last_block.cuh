// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/kernels/cuda/launch.cuh"

namespace mellow::cuda {

// True in every thread of the block that is the last of `blocks` to arrive here with this counter
// (block_counters_of): it sees what the others wrote to global memory before they arrived. All threads of
// each block make the call. The counter is zero again afterwards. (CUDA C++ Programming Guide, «Memory Fence
// Functions».)
__device__ inline bool is_last_block(unsigned* counter, unsigned blocks) {
  __shared__ bool is_last;
  __syncthreads();  // the block has written
  if (threadIdx.x == 0) {
    __threadfence();
    is_last = atomicAdd(counter, 1u) + 1 == blocks;
    if (is_last) *counter = 0;
    __threadfence();
  }
  __syncthreads();
  return is_last;
}

}  // namespace mellow::cuda
