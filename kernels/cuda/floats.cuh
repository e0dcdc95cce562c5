// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <cuda_runtime.h>

namespace mellow::cuda {

// Neighbours that a thread reads or writes as one, at a multiple of their own size: 1 or 4.
template <int width>
struct alignas(width * sizeof(float)) Floats {
  float at[width];
};

inline bool is_aligned(const float* x) { return reinterpret_cast<uintptr_t>(x) % sizeof(Floats<4>) == 0; }

template <int width>
__device__ const Floats<width>* floats_at(const float* x) {
  return reinterpret_cast<const Floats<width>*>(x);
}
template <int width>
__device__ Floats<width>* floats_at(float* x) {
  return reinterpret_cast<Floats<width>*>(x);
}

// place := value, or += with `add`.
template <int width>
__device__ void store(Floats<width>& place, Floats<width> value, bool add) {
  if (add) {
    const Floats<width> before = place;
#pragma unroll
    for (int k = 0; k < width; ++k) value.at[k] += before.at[k];
  }
  place = value;
}

}  // namespace mellow::cuda
