// SPDX-License-Identifier: MIT
#include "mellow/kernels/cpu/blocks.h"

#include <cmath>
#include <vector>

#include "mellow/kernels/cpu/fourier_transform.h"
#include "mellow/kernels/cpu/winograd_transform.h"

namespace mellow::cpu {
namespace {

// Costs are in multiply-adds of the fp32 register tiles; the factors were fitted to measurements
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
      if (has_fourier_transform(points)) all.push_back({points, n * (2.0 * std::log2(n) + 12)});
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

// The transformed weights, `floats` of them, are written, and read again for every few items.
double weights_cost(double floats, double times_read) {
  constexpr double cached = 4 * 1024 * 1024;
  const double bytes = sizeof(float) * floats, times = 3 + times_read;
  return bytes * times * (bytes < cached ? 0.4 : 2.0);
}

struct Sides {  // padded to whole calls of a transform
  double depth, columns;
  template <class W>
  explicit Sides(const W& w)
      : depth(static_cast<double>(round_up(w.depth, block_channels))),
        columns(static_cast<double>(round_up(w.columns, block_channels))) {}
};

template <class W>
double fourier_cost(const W& w, const TransformSize& size, int64_t items) {
  const Sides sides(w);
  const int64_t bins = size.points / 2 + 1;
  const double matrices = static_cast<double>(bins * w.depth) * sides.columns;
  const double per_item = 3.2 * matrices + size.cost * (sides.depth + sides.columns);
  return static_cast<double>(items) * per_item + static_cast<double>(w.depth) * size.cost * sides.columns +
         weights_cost(3 * matrices, static_cast<double>(items) / fourier_items);
}

template <class W>
double winograd_cost(const W& w, int64_t items) {
  constexpr double per_channel = 60;
  const Sides sides(w);
  const double matrices = static_cast<double>(winograd_points * w.depth) * sides.columns;
  const double per_item = 1.1 * matrices + per_channel * (sides.depth + sides.columns);
  return static_cast<double>(items) * per_item + static_cast<double>(w.depth) * per_channel * sides.columns +
         weights_cost(matrices, static_cast<double>(items) / winograd_items);
}

}  // namespace

template <class W>
Blocks choose_blocks(const W& w, const KernelOptions& options, double direct_cost) {
  if (w.step != 1 || w.taps < 2 || w.batch * w.rows == 0 || w.length == 0) return {};
  constexpr double least_products = 2e6;  // below these the search for a size takes a tenth of the time
  const double direct =
      static_cast<double>(w.batch * w.rows * w.taps) *
      static_cast<double>(w.depth * round_up(w.columns, tiles_for(options, 0.0f).columns()));
  if (direct < least_products) return {};
  double least = 0.8 * direct_cost * direct;
  const auto count_of = [&](int64_t rows) { return ceil_div(ceil_div(w.rows, w.dilation), rows); };
  const BlockKernels& kernels = block_kernels_for(options.isa);
  Blocks best;
  constexpr int64_t winograd_taps = 3, winograd_rows = 4;
  if (w.taps == winograd_taps) {
    const int64_t count = count_of(winograd_rows);
    if (const double cost = winograd_cost(w, w.batch * w.dilation * count); cost < least) {
      least = cost;
      best = {&winograd_transform(kernels), winograd_rows, count};
    }
  }
  int64_t fastest = 0;  // points of a Fourier transform that beats it
  for (const TransformSize& size : transform_sizes()) {
    const int64_t rows = block_rows(w, size.points);
    if (rows == 0) continue;
    const int64_t count = count_of(rows);
    const double cost = fourier_cost(w, size, w.batch * w.dilation * count);
    if (cost >= least) continue;
    least = cost;
    fastest = size.points;
    best = {nullptr, rows, count};
  }
  if (fastest > 0) best.transform = &fourier_transform(fastest, kernels);
  return best;
}

template Blocks choose_blocks(const Window<float>&, const KernelOptions&, double);
template Blocks choose_blocks(const WindowGradient<float>&, const KernelOptions&, double);

}  // namespace mellow::cpu
