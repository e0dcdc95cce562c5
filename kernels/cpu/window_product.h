// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include "mellow/kernels/cpu/arena.h"
#include "mellow/kernels/cpu/bf16.h"
#include "mellow/kernels/cpu/kernel_options.h"
#include "mellow/kernels/cpu/ranges.h"
#include "mellow/kernels/cpu/tile.h"

namespace mellow::cpu {

// A product whose left operand is a window sliding over a series, read in place:
//   y[b, t, n] = bias[n] + sum over taps j, depth d of x[b, t * step + first + j * dilation, d] · w[j, d, n]
// with x zero outside [0, length). Forward convolution, backward data and the plain matrix product (one tap,
// one sample) are all of this form; only the strides differ.
template <class T>
struct Window {
  int64_t batch, rows, taps, depth, columns;  // y is [batch, rows, columns]
  int64_t step = 1, first = 0, dilation = 1;
  const T* x;
  int64_t length, x_row, x_batch;
  // x is [depth, length] with rows of x_row elements; one tap, step 1, no padding only.
  bool x_transposed = false;
  const T* w;
  int64_t w_tap, w_depth, w_column;  // strides, also negative; that of the depth or the column is 1
  const T* bias = nullptr;
  T* y;
  int64_t y_row, y_batch;
  bool accumulate = false;  // add to y (then bias is not added) instead of overwriting it
};

// The reverse product: the gradient of a Window's w, summed over samples and time.
//   dw[j, d, n] (+)= sum over b, t of x[b, t * step + first + j * dilation, d] · dy[b, t, n],
//   dbias[n] (+)= sum of dy
template <class T>
struct WindowGradient {
  int64_t batch, rows, taps, depth, columns;
  int64_t step = 1, first = 0, dilation = 1;
  const T* x;
  int64_t length, x_row, x_batch;
  const T* dy;
  int64_t dy_row, dy_batch;
  T* dw;
  int64_t w_tap, w_column;  // the depths of dw are neighbours
  T* dbias = nullptr;
  bool accumulate = false;
};

// dbias, where wanted, from what the parts of the work summed, `size` elements apart, in their order.
template <class T>
void write_bias(const WindowGradient<T>& g, const T* sums, int64_t size, int parts) {
  for (int64_t n = 0; g.dbias && n < g.columns; ++n) {
    T total = 0;
    for (int part = 0; part < parts; ++part) total += sums[part * size + n];
    g.dbias[n] = g.accumulate ? g.dbias[n] + total : total;
  }
}

// The tiles the options ask for; double has portable ones only.
const TileKernels<float>& tiles_for(const KernelOptions& options, float);
const TileKernels<double>& tiles_for(const KernelOptions& options, double);

// Takes its workspace from the arena; an arena without a base only counts. T is float or double.
template <class T>
void window_product(const Window<T>& window, const KernelOptions& options, Arena& arena);
template <class T>
void window_gradient(const WindowGradient<T>& gradient, const KernelOptions& options, Arena& arena);

// The taps that touch the series from at least one of the given rows of a window.
template <class W>
Range taps_in_reach(const W& w, Range rows) {
  if (rows.empty() || w.length == 0) return {0, 0};
  const int64_t last_row = (rows.end - 1) * w.step + w.first, first_row = rows.begin * w.step + w.first;
  const Range reach{-floor_div(last_row, w.dilation), floor_div(w.length - 1 - first_row, w.dilation) + 1};
  const Range taps = intersect({0, w.taps}, reach);
  return taps.empty() ? Range{0, 0} : taps;
}

// The rows whose windows touch the series at one of the given taps.
template <class W>
Range rows_in_reach(const W& w, Range taps) {
  if (taps.empty() || w.length == 0) return {0, 0};
  const int64_t last = w.first + (taps.end - 1) * w.dilation, first = w.first + taps.begin * w.dilation;
  const Range reach{-floor_div(last, w.step), floor_div(w.length - 1 - first, w.step) + 1};
  const Range rows = intersect({0, w.rows}, reach);
  return rows.empty() ? Range{0, 0} : rows;
}

}  // namespace mellow::cpu
