// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "mellow/kernels/cpu/clones.h"
#include "mellow/kernels/cpu/window_product.h"

namespace mellow::cpu {

// The input of a halved window (halved_taps.h): three series of `length` rows of `depth`, without gaps. Their
// row 0 stands for input rows 2 · first and 2 · first + 1 after the window's own first row.
struct Phases {
  int64_t first, length, depth;
  int64_t size() const { return length * depth; }

  template <class W>
  explicit Phases(const W& w) : depth(w.depth) {
    const Range touching{floor_div(-w.first - 1, 2), floor_div(w.length - 1 - w.first, 2) + 1};
    const Range steps = intersect(touching, {0, ceil_div(w.rows, 2) + ceil_div(w.taps, 2) - 1});
    first = steps.empty() ? 0 : steps.begin;
    length = steps.empty() ? 0 : steps.size();
  }

  // A window over one of the series with every second tap of w.
  template <class W>
  W window(const W& w, int64_t taps) const {
    W half = w;
    half.rows = ceil_div(w.rows, 2);
    half.taps = taps;
    half.first = -first;
    half.length = length;
    half.x_row = depth;
    return half;
  }
};

inline MELLOW_CLONES void subtract_rows(int64_t n, const float* a, const float* b, float* to) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) to[i] = a[i] - b[i];
}
inline MELLOW_CLONES void add_rows(int64_t n, const float* a, const float* b, float* to) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) to[i] = a[i] + b[i];
}

// One sample's phases, each of p.size() elements: X_even - X_odd, X_odd, X_next - X_odd.
template <class W>
void fill_phases(const W& w, const Phases& p, const float* x, const float* zeros, float* const to[3]) {
  const auto row = [&](int64_t i) {
    const int64_t at = w.first + i;
    return at >= 0 && at < w.length ? x + at * w.x_row : zeros;
  };
  for (int64_t i = 0; i < p.length; ++i) {
    const float *even = row(2 * (p.first + i)), *odd = row(2 * (p.first + i) + 1),
                *next = row(2 * (p.first + i) + 2);
    subtract_rows(p.depth, even, odd, to[0] + i * p.depth);
    std::copy_n(odd, p.depth, to[1] + i * p.depth);
    subtract_rows(p.depth, next, odd, to[2] + i * p.depth);
  }
}

}  // namespace mellow::cpu
