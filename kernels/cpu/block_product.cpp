// SPDX-License-Identifier: MIT
#include <algorithm>

#include <omp.h>

#include "mellow/kernels/cpu/blocks.h"
#include "mellow/kernels/cpu/transpose.h"

namespace mellow::cpu {
namespace {

// y = x * w by the transforms of both: for each point a matrix product over the items that a thread works on
// at a time. An item's result does not depend on the others.
class BlockedProduct {
 public:
  BlockedProduct(const Window<float>& window, const Blocks& cut, const KernelOptions& options, Arena& arena)
      : w_(window),
        cut_(cut),
        transform_(*cut.transform),
        options_(options),
        tiles_(tiles_for(options, 0.0f)),
        rounded_(options.precision == Precision::bf16),
        together_(std::min(item_count(window, cut),
                           round_up(transform_.parts > 1 ? fourier_items : winograd_items, tiles_.rows))),
        columns_(round_up(window.columns, block_channels)),
        x_layout_{transform_.parts, together_, round_up(window.depth, block_channels), 1},
        w_layout_{transform_.parts, window.depth, tiles_.columns(), columns_ / tiles_.columns()},
        y_point_((transform_.parts > 1 ? 2 : 1) * together_ * columns_) {
    if (w_.w_column != 1) dense_ = arena.take<float>(w_.taps * w_.depth * w_.columns);
    w_points_ = arena.take<float>(transform_.points * w_layout_.point());
    x_size_ = transform_.points * x_layout_.point();
    y_size_ = transform_.points * y_point_;
    x_points_ = arena.take<float>(x_size_ * options.threads);
    y_points_ = arena.take<float>(y_size_ * options.threads);
    scratch_ = arena.take<float>(transform_.scratch_floats * options.threads);
  }

  void run() {
#pragma omp parallel num_threads(options_.threads) if (options_.threads > 1)
    {
      const int thread = omp_get_thread_num();
      transform_weights(scratch_ + thread * transform_.scratch_floats);
      const Range mine = part_of_range(item_count(w_, cut_), thread, omp_get_num_threads());
      for_groups(mine, together_, [&](Range items) { run_items(items, thread); });
    }
  }

 private:
  // Called by all threads of the team.
  void transform_weights(float* scratch) {
#pragma omp for schedule(static)
    for (int64_t j = 0; j < (dense_ ? w_.taps : 0); ++j)
      transpose(w_.w + j * w_.w_tap, w_.w_column, w_.columns, w_.depth, dense_ + j * w_.depth * w_.columns,
                w_.columns);
#pragma omp for schedule(static)
    for (int64_t d = 0; d < w_.depth; ++d) {
      const BlockInput taps{dense_ ? dense_ + d * w_.columns : w_.w + d * w_.w_depth,
                            dense_ ? w_.depth * w_.columns : w_.w_tap,
                            0,
                            w_.taps,
                            w_.columns,
                            rounded_};
      for (int64_t n = 0; n < columns_; n += block_channels)
        transform_.right_of_weights(channels_of(taps, n), {w_layout_, w_points_, d, n}, scratch);
    }
  }

  void run_items(Range items, int thread) const {
    float *x = x_points_ + thread * x_size_, *y = y_points_ + thread * y_size_;
    float* scratch = scratch_ + thread * transform_.scratch_floats;
    for (int64_t i = items.begin; i < items.end; ++i)
      transform_input(w_, cut_, block_item(w_, cut_, i), x_layout_, i - items.begin, rounded_, x, scratch);
    for (int64_t k = 0; k < transform_.points; ++k)
      multiply(items.size(), x + k * x_layout_.point(), w_points_ + k * w_layout_.point(), y + k * y_point_);
    for (int64_t i = items.begin; i < items.end; ++i)
      write_item(block_item(w_, cut_, i), y + (i - items.begin) * columns_, scratch);
  }

  // One point of y [1 or 2 (real and imaginary part), together, columns].
  void multiply(int64_t items, const float* x, const float* w, float* y) const {
    static constexpr float zeros[max_tile_columns] = {};
    alignas(64) float shared[max_tile_rows * max_tile_columns];
    const int64_t blocks = ceil_div(items, tiles_.rows), width = w_layout_.width;
    for (int64_t p = 0; p < w_layout_.panels; ++p) {
      for (int64_t m = 0; m < blocks; ++m) {
        const Range rows = part_of_range(items, m, blocks);
        const auto run = tiles_.across[rows.size() - 1][1];
        float* c = y + rows.begin * columns_ + p * width;
        Tile<float> tile{x + rows.begin * x_layout_.width,
                         x_layout_.width,
                         0,
                         w + p * w_layout_.panel(),
                         0,
                         zeros,
                         0,
                         c,
                         columns_,
                         1,
                         w_.depth};
        if (transform_.parts == 1) {
          run(tile);
          continue;
        }
        tile.c = shared;
        tile.c_row = width;
        run(tile);
        tile.init = shared;
        tile.init_row = width;
        tile.c_row = columns_;
        for (int part = 0; part < 2; ++part) {
          tile.a += x_layout_.part();
          tile.b += w_layout_.part();
          tile.c = c + part * together_ * columns_;
          run(tile);
        }
      }
    }
  }

  void write_item(const BlockItem& item, const float* y, float* scratch) const {
    const BlockOutput output{w_.y + item.sample * w_.y_batch + item.first_row * w_.y_row,
                             w_.dilation * w_.y_row,
                             item.rows,
                             w_.columns,
                             w_.bias,
                             w_.accumulate};
    for (int64_t n = 0; n < w_.columns; n += block_channels)
      transform_.rows({y + n, y + n + together_ * columns_, y_point_}, channels_of(output, n), scratch);
  }

  const Window<float>& w_;
  const Blocks cut_;
  const BlockTransform& transform_;
  const KernelOptions& options_;
  const TileKernels<float>& tiles_;
  const bool rounded_;                // operands to bf16
  const int64_t together_, columns_;  // items at a time; columns with padding
  const BlockLayout x_layout_, w_layout_;
  const int64_t y_point_;
  int64_t x_size_, y_size_;
  float* dense_ = nullptr;  // w with dense columns, where they lie otherwise
  float *w_points_, *x_points_, *y_points_, *scratch_;
};

}  // namespace

void block_product(const Window<float>& window, const Blocks& cut, const KernelOptions& options,
                   Arena& arena) {
  BlockedProduct product(window, cut, options, arena);
  if (!arena.counts()) product.run();
}

}  // namespace mellow::cpu
