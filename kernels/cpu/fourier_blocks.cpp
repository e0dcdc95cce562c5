// SPDX-License-Identifier: MIT
#include "mellow/kernels/cpu/fourier_blocks.h"

#include <cmath>
#include <vector>

namespace mellow::cpu {
namespace {

// Costs are in multiply-adds of the register tiles; the factors were fitted to measurements
// (docs/performance.md).
struct TransformSize {
  int64_t points;
  double cost;  // per channel
};

const std::vector<TransformSize>& transform_sizes() {
  static const std::vector<TransformSize> sizes = [] {
    constexpr int64_t least_points = 8, most_points = 512;  // more leave the second-level cache
    std::vector<TransformSize> all;
    for (int64_t points = least_points; points <= most_points; ++points) {
      const auto n = static_cast<double>(points);
      if (has_fourier_plan(points)) all.push_back({points, n * (2.0 * std::log2(n) + 12)});
    }
    return all;
  }();
  return sizes;
}

// Rows per block of a transform of `size` points; 0 when it is too small for any.
template <class W>
int64_t block_rows(const W& w, int64_t size) {
  const int64_t rows = ceil_div(w.rows, w.dilation);
  // Zeros at the start of every phase, and where the last of them ends.
  const int64_t zeros = std::max<int64_t>(0, -floor_div(w.first + w.dilation - 1, w.dilation));
  const int64_t end =
      std::clamp<int64_t>(floor_div(w.length - 1 - w.first, w.dilation) + 1, 0, rows + w.taps - 1);
  if (size >= std::max({w.taps, rows, end, rows + w.taps - 1 - zeros})) return rows;
  return std::max<int64_t>(0, size - w.taps + 1);
}

// Spectra [depth, columns] are written, and read again for every few items.
double matrix_cost(double matrices, int64_t items) {
  constexpr double cached = 4 * 1024 * 1024, items_at_once = 14;
  const double bytes = 3 * sizeof(float) * matrices, times = 3 + static_cast<double>(items) / items_at_once;
  return bytes * times * (bytes < cached ? 0.4 : 2.0);
}

template <class W>
double fourier_cost(const W& w, const TransformSize& size, int64_t items) {
  const auto depth = static_cast<double>(round_up(w.depth, fourier_channels)),
             columns = static_cast<double>(round_up(w.columns, fourier_channels));
  const double matrices = static_cast<double>((size.points / 2 + 1) * w.depth) * columns;
  const double per_item = 3.2 * matrices + size.cost * (depth + columns);
  return static_cast<double>(items) * per_item + static_cast<double>(w.depth) * size.cost * columns +
         matrix_cost(matrices, items);
}

}  // namespace

template <class W>
FourierBlocks fourier_blocks(const W& w, const KernelOptions& options) {
  if (options.precision != Precision::fp32 || w.step != 1 || w.taps < 2 || w.batch * w.rows == 0 ||
      w.length == 0)
    return {};
  constexpr double least_products = 2e6;  // below these the search for a size takes a tenth of the time
  const double direct =
      static_cast<double>(w.batch * w.rows * w.taps) *
      static_cast<double>(w.depth * round_up(w.columns, tiles_for(options, 0.0f).columns()));
  if (direct < least_products) return {};
  FourierBlocks best;
  double least = 0.8 * direct;
  for (const TransformSize& size : transform_sizes()) {
    const int64_t rows = block_rows(w, size.points);
    if (rows == 0) continue;
    const int64_t blocks = ceil_div(ceil_div(w.rows, w.dilation), rows);
    const double cost = fourier_cost(w, size, w.batch * w.dilation * blocks);
    if (cost < least) {
      least = cost;
      best = {size.points, rows, blocks};
    }
  }
  return best;
}

template FourierBlocks fourier_blocks(const Window<float>&, const KernelOptions&);
template FourierBlocks fourier_blocks(const WindowGradient<float>&, const KernelOptions&);

}  // namespace mellow::cpu
