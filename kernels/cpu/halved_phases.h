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
// to[i] := x[2 i] + x[2 i + 1] for rows of `columns`; an odd last row is copied.
inline MELLOW_CLONES void add_row_pairs(int64_t rows, int64_t columns, const float* x, int64_t x_row,
                                        float* to) {
  for (int64_t t = 0; t + 1 < rows; t += 2, to += columns) {
    const float *a = x + t * x_row, *b = a + x_row;
#pragma GCC ivdep
    for (int64_t n = 0; n < columns; ++n) to[n] = a[n] + b[n];
  }
  if (rows % 2 != 0) std::copy_n(x + (rows - 1) * x_row, columns, to);
}
// to[i] (+)= from[i / 2], row by row: each row of `from` serves an even row and the odd one after it.
inline MELLOW_CLONES void spread_rows(int64_t rows, int64_t columns, const float* from, bool add, float* to,
                                      int64_t to_row) {
  for (int64_t t = 0; t < rows; ++t) {
    const float* a = from + t / 2 * columns;
    float* b = to + t * to_row;
#pragma GCC ivdep
    for (int64_t n = 0; n < columns; ++n) b[n] = add ? b[n] + a[n] : a[n];
  }
}

// `rows` steps whose three input rows lie within the series.
inline MELLOW_CLONES void fill_inner(int64_t rows, int64_t depth, const float* x, int64_t x_row,
                                     float* even_less_odd, float* odd, float* next_less_odd) {
  for (int64_t i = 0; i < rows; ++i) {
    const float* from = x + 2 * i * x_row;
#pragma GCC ivdep
    for (int64_t d = 0; d < depth; ++d) {
      const float v = from[x_row + d];
      even_less_odd[i * depth + d] = from[d] - v;
      odd[i * depth + d] = v;
      next_less_odd[i * depth + d] = from[2 * x_row + d] - v;
    }
  }
}

// One sample's phases, each of p.size() elements: X_even - X_odd, X_odd, X_next - X_odd.
template <class W>
void fill_phases(const W& w, const Phases& p, const float* x, const float* zeros, float* const to[3]) {
  const auto at = [&](int64_t i) { return w.first + 2 * (p.first + i); };  // the even row of step i
  const auto row = [&](int64_t i) { return i >= 0 && i < w.length ? x + i * w.x_row : zeros; };
  const auto outer = [&](int64_t i) {
    const float* odd = row(at(i) + 1);
    subtract_rows(p.depth, row(at(i)), odd, to[0] + i * p.depth);
    std::copy_n(odd, p.depth, to[1] + i * p.depth);
    subtract_rows(p.depth, row(at(i) + 2), odd, to[2] + i * p.depth);
  };
  int64_t i = 0, end = p.length;
  for (; i < end && at(i) < 0; ++i) outer(i);
  while (end > i && at(end - 1) + 2 >= w.length) outer(--end);
  if (i < end)
    fill_inner(end - i, p.depth, x + at(i) * w.x_row, w.x_row, to[0] + i * p.depth, to[1] + i * p.depth,
               to[2] + i * p.depth);
}

}  // namespace mellow::cpu
