// SPDX-License-Identifier: MIT
#include <bit>

#include "mellow/kernels/cuda/conv1d_pass.h"
#include "mellow/kernels/cuda/launch.cuh"

namespace mellow::cuda {
namespace {

__device__ int64_t place_of(const Plane& p, int64_t i) {
  const int64_t step = i / p.channels;
  return step / p.steps * p.item_stride + step % p.steps * p.step_stride + i % p.channels;
}

// The upper half of a float32, rounded to nearest even; a NaN stays one.
__device__ uint16_t bf16_of(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return static_cast<uint16_t>(bits >> 16 | 0x40u);
  return static_cast<uint16_t>((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}

// One thread per element, in all three.
__global__ void pack_forward(int64_t n, Plane from, float* to) {
  const int64_t i = thread_index();
  if (i < n) to[i] = from.data[place_of(from, i)];
}

__global__ void pack_bf16_forward(int64_t n, Plane from, uint16_t* to) {
  const int64_t i = thread_index();
  if (i < n) to[i] = bf16_of(from.data[place_of(from, i)]);
}

__global__ void unpack_forward(int64_t n, const float* from, Plane to, bool add) {
  const int64_t i = thread_index();
  if (i >= n) return;
  float& place = to.data[place_of(to, i)];
  place = add ? place + from[i] : from[i];
}

}  // namespace

void pack(Cuda& cuda, const Plane& from, float* to) { launch_1d(cuda, pack_forward, from.count(), from, to); }

void pack_bf16(Cuda& cuda, const Plane& from, uint16_t* to) {
  launch_1d(cuda, pack_bf16_forward, from.count(), from, to);
}

void unpack(Cuda& cuda, const float* from, const Plane& to, bool add) {
  launch_1d(cuda, unpack_forward, to.count(), from, to, add);
}

}  // namespace mellow::cuda
