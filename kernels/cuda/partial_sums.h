// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "mellow/engine/core/backend.h"

namespace mellow::cuda {

// Long sums without atomics: the range is cut into parts whose number depends on the sizes alone, each part
// is summed by its own blocks into parts [part_count, n], then the parts are added in order. Same bits every
// run.

// How a range of `length` is cut: at least `shortest` each, at most 64 parts and 64 MiB of partial sums.
struct Parts {
  int64_t length, count;
  int64_t each() const { return (length + count - 1) / count; }
};
inline Parts parts_of(int64_t length, int64_t shortest, int64_t n) {
  const int64_t fitting = std::max<int64_t>(1, (int64_t{1} << 24) / std::max<int64_t>(1, n));
  return {length, std::clamp<int64_t>(length / shortest, 1, std::min<int64_t>(64, fitting))};
}

// out[i] (+)= Σ_p parts[p, i], i < n: adds when `add` is set, else overwrites.
struct PartialSums {
  const float* parts;
  int64_t part_count, n;
  float* out;
  bool add;
};
// At most most_partial_sums of them in one launch.
constexpr int most_partial_sums = 4;
void add_parts(Cuda& cuda, std::span<const PartialSums> sums);
inline void add_parts(Cuda& cuda, const PartialSums& sums) { add_parts(cuda, std::span(&sums, 1)); }

}  // namespace mellow::cuda
