// SPDX-License-Identifier: MIT
#include "mellow/kernels/cpu/staging.h"

#include <algorithm>

#include "mellow/kernels/cpu/fetch.h"
#include "mellow/kernels/cpu/transpose.h"

namespace mellow::cpu {
namespace {

// Rows that lie apart are fetched this early, or the next ones of memory too late.
constexpr int64_t rows_ahead = 32;

// to[d][n] = w[d * w_depth + n * w_column], of which one stride is 1, for n < columns, 0 for columns <= n <
// width.
template <class T>
void pack_matrix(const T* w, int64_t w_depth, int64_t w_column, int64_t depth, int64_t columns, int64_t width,
                 bool rounded, T* to) {
  if (w_column != 1) transpose(w, w_column, columns, depth, to, width);
  for (int64_t d = 0; d < depth; ++d) {
    if (w_column == 1) {
      fetch(w + (d + rows_ahead) * w_depth, columns);
      std::copy_n(w + d * w_depth, columns, to + d * width);
    }
    std::fill(to + d * width + columns, to + (d + 1) * width, T(0));
  }
  if (rounded)
    for (int64_t i = 0; i < depth * width; ++i) to[i] = rounded_to_bf16(to[i]);
}

}  // namespace

template <class T>
void stage_rows(const T* x, int64_t x_row, int64_t length, int64_t depth, Range rows, bool rounded, T* to) {
  const Range inside = intersect(rows, {0, length});
  if (inside.empty()) {
    std::fill(to, to + rows.size() * depth, T(0));
    return;
  }
  to = std::fill_n(to, (inside.begin - rows.begin) * depth, T(0));
  if (x_row == depth && !rounded) {
    to = std::copy(x + inside.begin * depth, x + inside.end * depth, to);
  } else {
    for (int64_t i = inside.begin; i < inside.end; ++i)
      to = std::transform(x + i * x_row, x + i * x_row + depth, to,
                          [=](T v) { return rounded ? rounded_to_bf16(v) : v; });
  }
  std::fill_n(to, (rows.end - inside.end) * depth, T(0));
}

template <class T>
void stage_transposed(const T* x, int64_t x_row, int64_t depth, Range rows, bool rounded, T* to) {
  for (int64_t d = 0; d < depth; ++d)
    for (int64_t i = rows.begin; i < rows.end; ++i) {
      const T v = x[d * x_row + i];
      to[(i - rows.begin) * depth + d] = rounded ? rounded_to_bf16(v) : v;
    }
}

template <class T>
void pack_block(const PanelSource<T>& source, int64_t lanes, bool rounded, int64_t block, T* to) {
  const int64_t taps = source.taps.size(), p = block / taps, j = block % taps, column = p * 2 * lanes;
  const int64_t width = panel_width(source.columns, lanes, p);
  const T* w = source.w + (source.taps.begin + j) * source.w_tap + column * source.w_column;
  pack_matrix(w, source.w_depth, source.w_column, source.depth, std::min(width, source.columns - column),
              width, rounded, to + (column * taps + j * width) * source.depth);
}

template void stage_rows(const float*, int64_t, int64_t, int64_t, Range, bool, float*);
template void stage_rows(const double*, int64_t, int64_t, int64_t, Range, bool, double*);
template void stage_transposed(const float*, int64_t, int64_t, Range, bool, float*);
template void stage_transposed(const double*, int64_t, int64_t, Range, bool, double*);
template void pack_block(const PanelSource<float>&, int64_t, bool, int64_t, float*);
template void pack_block(const PanelSource<double>&, int64_t, bool, int64_t, double*);

}  // namespace mellow::cpu
