// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "mellow/kernels/cpu/bf16.h"
#include "mellow/kernels/cpu/ranges.h"

namespace mellow::cpu {

// Copies input rows [rows.begin, rows.end) of one sample side by side into `to` ([rows, depth], no gaps),
// zero outside [0, length), the values rounded to bf16 where asked for.
template <class T>
void stage_rows(const T* x, int64_t x_row, int64_t length, int64_t depth, Range rows, bool rounded, T* to);

// The same for a sample stored as [depth, length] with rows of x_row elements; rows lie within the sample.
template <class T>
void stage_transposed(const T* x, int64_t x_row, int64_t depth, Range rows, bool rounded, T* to);

// Packs the matrix w(j, d, n) = w[j * w_tap + d * w_depth + n * w_column] into panels of panel_columns
// columns: panel p holds [taps.size(), depth, panel_columns] for columns p * panel_columns …, zero beyond
// `columns`. The last panel is only as wide as `lanes` when that is enough.
template <class T>
struct PanelSource {
  const T* w;
  int64_t w_tap, w_depth, w_column;
  Range taps;
  int64_t depth, columns;
};

// Columns held by panel p: 2 * lanes, or lanes in a last panel that needs no more.
inline int64_t panel_width(int64_t columns, int64_t lanes, int64_t p) {
  return columns - p * 2 * lanes <= lanes ? lanes : 2 * lanes;
}

// The work comes in packing_blocks() independent blocks, so that threads can share it; each block lands in
// its place of the whole, which starts at `to`.
template <class T>
int64_t packing_blocks(const PanelSource<T>& source, int64_t lanes) {
  return ceil_div(source.columns, 2 * lanes) * source.taps.size();
}
template <class T>
void pack_block(const PanelSource<T>& source, int64_t lanes, bool rounded, int64_t block, T* to);

}  // namespace mellow::cpu
