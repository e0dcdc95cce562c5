// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include <cuda_runtime_api.h>

#include "mellow/tests/cuda_emulation/emulator.h"
#include "mellow/tests/cuda_emulation/runtime.h"

// Stands in for the CUDA toolkit's header: the part of the device language that kernels/cuda uses, for the
// host compiler. All lanes of a warp must take part in a shuffle.
#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __grid_constant__
#define __restrict__ __restrict
#define __launch_bounds__(...)
// One copy for all blocks, in a section of its own: refilled with NaN before each block runs.
#define __shared__ static __attribute__((section("mellow_shared")))

inline const mellow::emulation::Index &gridDim = mellow::emulation::position.grid,
                                      &blockDim = mellow::emulation::position.block,
                                      &blockIdx = mellow::emulation::position.block_at,
                                      &threadIdx = mellow::emulation::position.thread_at;
#define __syncthreads() ::mellow::emulation::block_barrier(__LINE__)
#define __syncwarp(...) static_cast<void>(::mellow::emulation::exchange(0, 0, __LINE__))

inline void __threadfence() {}  // blocks run one after another

struct dim3 : mellow::emulation::Index {
  dim3(unsigned nx = 1, unsigned ny = 1, unsigned nz = 1) : mellow::emulation::Index{nx, ny, nz} {}
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) uint4 {
  uint32_t x, y, z, w;
};
struct alignas(8) uint2 {
  uint32_t x, y;
};
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline float2 make_float2(float x, float y) { return {x, y}; }

namespace mellow::emulation {

inline int lane() {
  const Index& t = position.thread_at;
  return static_cast<int>((t.x + position.block.x * (t.y + position.block.y * t.z)) % 32);
}
template <class T>
T shuffle(T value, int from, int line) {
  static_assert(sizeof(T) <= 8);
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  bits = exchange(bits, from, line);
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace mellow::emulation

#define __shfl_sync(mask, value, from) ::mellow::emulation::shuffle(value, from, __LINE__)
#define __shfl_xor_sync(mask, value, bits) \
  ::mellow::emulation::shuffle(value, ::mellow::emulation::lane() ^ (bits), __LINE__)
#define __shfl_down_sync(mask, value, by) \
  ::mellow::emulation::shuffle(value, ::mellow::emulation::lane() + static_cast<int>(by), __LINE__)

struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  size_t dynamicSmemBytes = 0;
  cudaStream_t stream = nullptr;
};
template <class... P, class... A>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(P...), A... args) {
  return mellow::emulation::enqueue(config->stream, [launch = *config, kernel, args...] {
    mellow::emulation::run_grid(launch.gridDim, launch.blockDim, launch.dynamicSmemBytes,
                                [&] { kernel(args...); });
  });
}
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize };
inline cudaError_t cudaFuncSetAttribute(const void*, cudaFuncAttribute, int) { return cudaSuccess; }

template <class T>
T atomicAdd(T* place, T value) {
  const T before = *place;
  *place = before + value;
  return before;
}

using std::isnan;
using std::max;
using std::min;
inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }
inline float __expf(float x) { return std::exp(x); }
inline float __int_as_float(int bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}
