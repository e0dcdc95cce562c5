// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>

#include "mellow/kernels/cpu/clones.h"

namespace mellow::cpu {

// Whether v beats the best so far: greater, or the first NaN.
template <class T>
inline __attribute__((always_inline)) bool wins_over(T v, T best) {
  return !(v <= best) & (best == best);  // NOLINT(misc-redundant-expression): NaN is not itself
}

// y[c] := the largest of x[t · stride + c], t < steps, and winner[c] := first + its t. Ties go to the first
// step, NaN beats numbers. Channels are walked in tiles that stay in the first-level cache; within a tile
// positions are int32 whatever Index is, so that values and positions have vectors of one length.
template <class T, class Index>
MELLOW_CLONES void max_steps(int64_t steps, int64_t channels, const T* x, int64_t stride, int first, T* y,
                             Index* winner) {
  constexpr int64_t tile = 64;
  T best[tile];
  int32_t at[tile];
  for (int64_t c0 = 0; c0 < channels; c0 += tile) {
    const int64_t n = std::min(tile, channels - c0);
    for (int64_t c = 0; c < n; ++c) best[c] = x[c0 + c];
    for (int64_t c = 0; c < n; ++c) at[c] = first;
    for (int64_t t = 1; t < steps; ++t) {
      const T* row = x + t * stride + c0;
      const int32_t here = first + static_cast<int32_t>(t);
      for (int64_t c = 0; c < n; ++c) {
        const T v = row[c], b = best[c];
        const bool wins = wins_over(v, b);
        best[c] = wins ? v : b;
        at[c] = wins ? here : at[c];
      }
    }
    for (int64_t c = 0; c < n; ++c) y[c0 + c] = best[c];
    for (int64_t c = 0; c < n; ++c) winner[c0 + c] = static_cast<Index>(at[c]);
  }
}

// The same y without the winners. A tile goes down all steps in the first-level cache.
template <class T>
MELLOW_CLONES void max_of_steps(int64_t steps, int64_t channels, const T* x, int64_t stride, T* y) {
  constexpr int64_t tile = 64;
  T best[tile];
  for (int64_t c0 = 0; c0 < channels; c0 += tile) {
    const int64_t n = std::min(tile, channels - c0);
    for (int64_t c = 0; c < n; ++c) best[c] = x[c0 + c];
    for (int64_t t = 1; t < steps; ++t) {
      const T* row = x + t * stride + c0;
      for (int64_t c = 0; c < n; ++c) {
        const T v = row[c], b = best[c];
        best[c] = wins_over(v, b) ? v : b;
      }
    }
    for (int64_t c = 0; c < n; ++c) y[c0 + c] = best[c];
  }
}

}  // namespace mellow::cpu
