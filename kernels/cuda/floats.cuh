// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>

#include <cuda_runtime.h>

namespace mellow::cuda {

// Neighbours that a thread reads or writes as one, at a multiple of their own size: 1 or 4.
template <int width>
struct alignas(width * sizeof(float)) Floats {
  float at[width];
};

// Whether data lies at a multiple of 16 bytes and these counts and strides are multiples of four: then every
// row begins with Floats<4>.
inline bool in_fours(const float* data, std::initializer_list<int64_t> numbers) {
  return reinterpret_cast<uintptr_t>(data) % sizeof(Floats<4>) == 0 &&
         std::all_of(numbers.begin(), numbers.end(), [](int64_t n) { return n % 4 == 0; });
}

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
