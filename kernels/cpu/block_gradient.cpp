// SPDX-License-Identifier: MIT
#include <algorithm>

#include <omp.h>

#include "mellow/kernels/cpu/blocks.h"
#include "mellow/kernels/cpu/transpose.h"

namespace mellow::cpu {
namespace {

// dw by its transform: for each point the sum over items of x times dy, a matrix product [depth, items] ×
// [items, columns]. Each part of the items (one per thread of the options) is summed by itself, the parts in
// order, so the result does not depend on timing.
class BlockedGradient {
 public:
  BlockedGradient(const WindowGradient<float>& gradient, const Blocks& cut, const KernelOptions& options,
                  Arena& arena)
      : g_(gradient),
        cut_(cut),
        transform_(*cut.transform),
        options_(options),
        tiles_(tiles_for(options, 0.0f)),
        rounded_(options.precision == Precision::bf16),
        together_(std::min(item_count(gradient, cut), transform_.parts > 1 ? fourier_sum : winograd_sum)),
        columns_(round_up(gradient.columns, block_channels)),
        x_layout_{transform_.parts, together_, round_up(gradient.depth, block_channels), 1},
        dy_layout_{transform_.parts, together_, tiles_.columns(), columns_ / tiles_.columns()},
        sums_point_(transform_.parts * gradient.depth * columns_) {
    x_size_ = transform_.points * x_layout_.point();
    dy_size_ = transform_.points * dy_layout_.point();
    sums_size_ = transform_.points * sums_point_;
    x_points_ = arena.take<float>(x_size_ * options.threads);
    dy_points_ = arena.take<float>(dy_size_ * options.threads);
    sums_ = arena.take<float>(sums_size_ * options.threads);
    scratch_ = arena.take<float>(transform_.scratch_floats * options.threads);
    bias_sums_ = arena.take<float>(columns_ * options.threads);
    taps_size_ = depths_at_once * g_.taps * block_channels;
    taps_ = arena.take<float>(taps_size_ * options.threads);
  }

  void run() {
#pragma omp parallel num_threads(options_.threads) if (options_.threads > 1)
    {
#pragma omp for schedule(static)
      for (int part = 0; part < options_.threads; ++part) {
        std::fill_n(sums_ + part * sums_size_, sums_size_, 0.0f);
        std::fill_n(bias_sums_ + part * columns_, columns_, 0.0f);
        const Range mine = part_of_range(item_count(g_, cut_), part, options_.threads);
        for_groups(mine, together_, [&](Range items) { add_items(items, part); });
      }
#pragma omp for schedule(static)
      for (int64_t k = 0; k < transform_.points; ++k) join(k);
#pragma omp for schedule(static)
      for (int64_t d = 0; d < g_.depth; d += depths_at_once)
        write_depths({d, std::min(g_.depth, d + depths_at_once)}, omp_get_thread_num());
    }
    write_bias(g_, bias_sums_, columns_, options_.threads);
  }

 private:
  // Added up in registers before memory is touched.
  static constexpr int64_t fourier_sum = 32, winograd_sum = 128;
  static constexpr int64_t depths_at_once = 16;  // neighbours in dw

  void add_items(Range items, int part) const {
    float *x = x_points_ + part * x_size_, *dy = dy_points_ + part * dy_size_;
    float* scratch = scratch_ + part * transform_.scratch_floats;
    for (int64_t i = items.begin; i < items.end; ++i) {
      const BlockItem item = block_item(g_, cut_, i);
      transform_input(g_, cut_, item, x_layout_, i - items.begin, rounded_, x, scratch);
      const BlockInput upstream{g_.dy + item.sample * g_.dy_batch + item.first_row * g_.dy_row,
                                g_.dilation * g_.dy_row,
                                0,
                                item.rows,
                                g_.columns,
                                rounded_};
      for (int64_t n = 0; n < g_.columns; n += block_channels)
        transform_.right_of_gradient(channels_of(upstream, n), {dy_layout_, dy, i - items.begin, n}, scratch);
      if (g_.dbias) add_bias(upstream, bias_sums_ + part * columns_);
    }
    for (int64_t k = 0; k < transform_.points; ++k)
      multiply(items.size(), x + k * x_layout_.point(), dy + k * dy_layout_.point(),
               sums_ + part * sums_size_ + k * sums_point_);
  }

  static void add_bias(const BlockInput& dy, float* sums) {
    for (int64_t t = dy.begin; t < dy.end; ++t)
      for (int64_t n = 0; n < dy.channels; ++n) sums[n] += dy.x[t * dy.row + n];
  }

  // One point: adds the products to sums [parts, depth, columns].
  void multiply(int64_t items, const float* x, const float* dy, float* sums) const {
    const int64_t blocks = ceil_div(g_.depth, tiles_.rows), width = dy_layout_.width;
    for (int64_t p = 0; p < dy_layout_.panels; ++p) {
      for (int64_t m = 0; m < blocks; ++m) {
        const Range rows = part_of_range(g_.depth, m, blocks);
        float* c = sums + rows.begin * columns_ + p * width;
        Tile<float> tile{
            x + rows.begin, x_layout_.width, 0, dy + p * dy_layout_.panel(), 0, c, columns_, c, columns_, 1,
            items};
        for (int64_t part = 0; part < transform_.parts; ++part) {
          tiles_.down[rows.size() - 1][1](tile);
          tile.a += x_layout_.part();
          tile.b += dy_layout_.part();
          tile.c += g_.depth * columns_;
          tile.init = tile.c;
        }
      }
    }
  }

  // Point k of the first thread := the sum of all threads; three real products become real and imaginary
  // part, in the places of the second and third.
  void join(int64_t k) const {
    const int64_t matrix = g_.depth * columns_;
    float* to = sums_ + k * sums_point_;
    for (int part = 1; part < options_.threads; ++part) {
      const float* from = to + part * sums_size_;
      for (int64_t i = 0; i < sums_point_; ++i) to[i] += from[i];
    }
    for (int64_t i = 0; transform_.parts > 1 && i < matrix; ++i) {
      to[matrix + i] += to[i];
      to[2 * matrix + i] += to[i];
    }
  }

  void write_depths(Range depths, int thread) const {
    float *scratch = scratch_ + thread * transform_.scratch_floats, *taps = taps_ + thread * taps_size_;
    const int64_t matrix = g_.depth * columns_, depth_size = g_.taps * block_channels;
    for (int64_t n = 0; n < g_.columns; n += block_channels) {
      const int64_t count = std::min(block_channels, g_.columns - n);
      for (int64_t d = depths.begin; d < depths.end; ++d) {
        const float* re = sums_ + (transform_.parts > 1 ? matrix : 0) + d * columns_ + n;
        transform_.taps(
            {re, re + matrix, sums_point_},
            {taps + (d - depths.begin) * depth_size, block_channels, g_.taps, count, nullptr, false},
            scratch);
      }
      for (int64_t j = 0; j < g_.taps; ++j)
        add_transposed(taps + j * block_channels, depth_size, depths.size(), count, g_.accumulate,
                       g_.dw + j * g_.w_tap + depths.begin + n * g_.w_column, g_.w_column);
    }
  }

  const WindowGradient<float>& g_;
  const Blocks cut_;
  const BlockTransform& transform_;
  const KernelOptions& options_;
  const TileKernels<float>& tiles_;
  const bool rounded_;                // operands to bf16
  const int64_t together_, columns_;  // items at a time; columns with padding
  const BlockLayout x_layout_, dy_layout_;
  const int64_t sums_point_;
  int64_t x_size_, dy_size_, sums_size_, taps_size_;
  float *x_points_, *dy_points_, *sums_, *scratch_, *bias_sums_, *taps_;
};

}  // namespace

void block_gradient(const WindowGradient<float>& gradient, const Blocks& cut, const KernelOptions& options,
                    Arena& arena) {
  BlockedGradient sum(gradient, cut, options, arena);
  if (!arena.counts()) sum.run();
}

}  // namespace mellow::cpu
