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
__device__ bfloat16 rounded(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return {static_cast<uint16_t>(bits >> 16 | 0x40u)};
  return {static_cast<uint16_t>((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16)};
}

__device__ float widened(bfloat16 value) {
  return std::bit_cast<float>(static_cast<uint32_t>(value.bits) << 16);
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
