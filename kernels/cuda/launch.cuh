// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <limits>

#include <cuda_runtime.h>

#include "mellow/engine/core/error.h"
#include "mellow/kernels/cuda/state.h"

// The only way to launch a kernel. Kernels use threadIdx, blockIdx, blockDim, __shared__, __syncthreads,
// __shfl_*_sync, atomics and __threadfence, nothing else.
namespace mellow::cuda {

constexpr int block_size = 256;
constexpr int warp_size = 32;
// More dynamic shared memory than this has to be asked for, function by function.
constexpr size_t shared_without_opt_in = 48 * 1024;

// Number of blocks of `size` that cover n. Throws when a grid cannot hold them.
inline unsigned blocks_for(int64_t n, int64_t size = block_size) {
  const int64_t blocks = (n + size - 1) / size;
  MELLOW_CHECK(blocks <= std::numeric_limits<int32_t>::max(), "[cuda] ", n,
               " elements are more than one launch covers");
  return static_cast<unsigned>(blocks);
}

// One block of `block` threads per point of the grid, with `shared_bytes` of dynamic shared memory.
// An empty grid launches nothing.
template <class... P, class... A>
void launch_grid(Cuda& cuda, void (*kernel)(P...), dim3 grid, int block, size_t shared_bytes, A... args) {
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
  const CudaState& state = cuda.state();
  state.make_current();
  if (shared_bytes > shared_without_opt_in) {
    MELLOW_CHECK(shared_bytes <= state.shared_memory_per_block, "[cuda] a block needs ", shared_bytes,
                 " bytes of shared memory, this GPU has ", state.shared_memory_per_block);
    CUDA_CHECK(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                                    cudaFuncAttributeMaxDynamicSharedMemorySize,
                                    static_cast<int>(shared_bytes)));
  }
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = dim3(static_cast<unsigned>(block));
  config.dynamicSmemBytes = shared_bytes;
  config.stream = state.stream;
  CUDA_CHECK(cudaLaunchKernelEx(&config, kernel, args...));
}

// One thread per element: kernel(n, args…) starts with
//   const int64_t i = thread_index();
//   if (i >= n) return;
template <class... P, class... A>
void launch_1d(Cuda& cuda, void (*kernel)(int64_t, P...), int64_t n, A... args) {
  if (n > 0) launch_grid(cuda, kernel, dim3(blocks_for(n)), block_size, 0, n, args...);
}

// One block of `block` threads per row: the row is blockIdx.x.
template <class... P, class... A>
void launch_rows(Cuda& cuda, void (*kernel)(P...), int64_t rows, int block, size_t shared_bytes, A... args) {
  if (rows > 0) launch_grid(cuda, kernel, dim3(blocks_for(rows, 1)), block, shared_bytes, args...);
}

// Number of this thread in the grid.
__device__ inline int64_t thread_index() {
  return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

}  // namespace mellow::cuda
