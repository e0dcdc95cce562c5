// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/kernels/cpu/window_product.h"

namespace mellow::cpu {

// Windows of many taps by three windows of half the taps over half the rows: a quarter of the multiplications
// less (the fast FIR algorithm; Parhi, VLSI Digital Signal Processing Systems, 1999, chapter 9). With even
// and odd rows and taps apart, X the input from row `first` on and * a window product,
//   y_even = (X_even - X_odd) * w_even + X_odd * (w_even + w_odd)
//   y_odd  = (X_next - X_odd) * w_odd + X_odd * (w_even + w_odd)        X_next: the even row after the odd
//   one
// and, transposed, for the gradient of w with G = dy_even + dy_odd
//   dw_even = (X_even - X_odd) · dy_even + X_odd · G,   dw_odd = (X_next - X_odd) · dy_odd + X_odd · G.
// Each half is halved again while that pays: 40 taps take 27/64 of the multiplications. Samples are worked on
// one by one, so that what is staged for them stays in the second-level cache. Sums are still float32; their
// error is at most 1.4 times that of the direct ones (measured, docs/performance.md).
template <class W>
bool halves_pay(const W& w, const KernelOptions& options) {
  // Below these the additions cost more than the products save.
  constexpr int64_t least_taps = 6, least_rows = 16, least_columns = 16;
  return options.precision == Precision::fp32 && w.step == 1 && w.dilation == 1 && w.taps >= least_taps &&
         w.rows >= least_rows && w.columns >= least_columns;
}

// Threads share the samples, so there must be some, and work for them.
template <class W>
bool worth_halving(const W& w, const KernelOptions& options) {
  constexpr int64_t least_batch = 4;
  constexpr double least_products = 1e6;
  return halves_pay(w, options) && w.batch >= least_batch &&
         double(w.batch) * double(w.rows) * double(w.taps) * double(w.depth) * double(w.columns) >=
             least_products;
}

// As window_product() and window_gradient(), which call these for float when it is worth it.
void halved_product(const Window<float>& window, const KernelOptions& options, Arena& arena);
void halved_gradient(const WindowGradient<float>& gradient, const KernelOptions& options, Arena& arena);

}  // namespace mellow::cpu
