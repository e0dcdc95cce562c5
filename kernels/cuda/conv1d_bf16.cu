// SPDX-License-Identifier: MIT
#include "mellow/kernels/cuda/bf16.cuh"
#include "mellow/kernels/cuda/conv1d_pass.h"
#include "mellow/kernels/cuda/launch.cuh"

namespace mellow::cuda {
namespace {

__device__ int64_t place_of(const Plane& p, int64_t i) {
  const int64_t step = i / p.channels;
  return step / p.steps * p.item_stride + step % p.steps * p.step_stride + i % p.channels;
}

// One thread per element, in both.
__global__ void narrow(int64_t n, Plane from, bfloat16* to) {
  const int64_t i = thread_index();
  if (i < n) to[i] = rounded(from.data[place_of(from, i)]);
}

__global__ void widen(int64_t n, const bfloat16* from, Plane to, bool add) {
  const int64_t i = thread_index();
  if (i >= n) return;
  float& place = to.data[place_of(to, i)];
  place = add ? place + widened(from[i]) : widened(from[i]);
}

}  // namespace

void to_bf16(Cuda& cuda, const Plane& from, bfloat16* to) { launch_1d(cuda, narrow, from.count(), from, to); }

void from_bf16(Cuda& cuda, const bfloat16* from, const Plane& to, bool add) {
  launch_1d(cuda, widen, to.count(), from, to, add);
}

}  // namespace mellow::cuda
