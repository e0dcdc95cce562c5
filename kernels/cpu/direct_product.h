// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include <omp.h>

#include "mellow/kernels/cpu/staging.h"
#include "mellow/kernels/cpu/window_product.h"

namespace mellow::cpu {

// Bytes of input that one unit of work reads again for every panel of w; they should stay in the second-level
// cache.
inline constexpr int64_t unit_bytes = 128 * 1024;

template <class T>
class DirectProduct {
 public:
  DirectProduct(const Window<T>& window, const KernelOptions& options, Arena& arena)
      : w_(window),
        options_(options),
        tiles_(tiles_for(options, T())),
        rounded_(options.precision == Precision::bf16) {
    taps_ = taps_in_reach(w_, {0, w_.rows});
    const int64_t padded_columns = round_up(w_.columns, tiles_.lanes);
    choose_units();
    packed_ = arena.take<T>(taps_.size() * w_.depth * padded_columns);
    bias_ = arena.take<T>(padded_columns);
    if (staged_) {
      stage_size_ = round_up(staged_rows(unit_rows_, taps_.size()) * w_.depth, 16);
      stage_ = arena.take<T>(stage_size_ * options.threads);
    }
  }

  void run() {
    if (w_.batch == 0 || w_.rows == 0 || w_.columns == 0) return;
    const int64_t units = w_.batch * units_per_sample_;
#pragma omp parallel num_threads(options_.threads) if (options_.threads > 1)
    {
      pack();
      const int thread = omp_get_thread_num();
      const Range mine = part_of_range(units, thread, omp_get_num_threads());
      for (int64_t u = mine.begin; u < mine.end; ++u) {
        const int64_t sample = u / units_per_sample_;
        run_unit(w_.x + sample * w_.x_batch, w_.y + sample * w_.y_batch, u % units_per_sample_, thread);
      }
    }
  }

 private:
  // Called by all threads of a team.
  void pack() {
    const PanelSource<T> source{w_.w, w_.w_tap, w_.w_depth, w_.w_column, taps_, w_.depth, w_.columns};
    const int64_t blocks = packing_blocks(source, tiles_.lanes);
#pragma omp single nowait
    {
      std::fill(bias_, bias_ + round_up(w_.columns, tiles_.lanes), T(0));
      if (w_.bias) std::copy(w_.bias, w_.bias + w_.columns, bias_);
    }
#pragma omp for schedule(static)
    for (int64_t i = 0; i < blocks; ++i) pack_block(source, tiles_.lanes, rounded_, i, packed_);
  }

  // A unit is a range of rows of one sample.
  void choose_units() {
    const int64_t halo = (taps_.size() - 1) * w_.dilation,
                  row_bytes = w_.depth * w_.step * int64_t(sizeof(T));
    int64_t rows =
        std::max({unit_bytes / std::max<int64_t>(row_bytes, 1), halo / 2, int64_t(4 * tiles_.rows)});
    if (w_.batch < 4 * options_.threads)
      rows = std::min(rows, std::max<int64_t>(2 * tiles_.rows, w_.batch * w_.rows / (4 * options_.threads)));
    units_per_sample_ = std::max<int64_t>(1, ceil_div(w_.rows, rows));
    unit_rows_ = ceil_div(w_.rows, units_per_sample_);
    const int64_t first_input = w_.first + taps_.begin * w_.dilation;
    const int64_t last_input = (w_.rows - 1) * w_.step + w_.first + (taps_.end - 1) * w_.dilation;
    const bool padded = !taps_.empty() && (first_input < 0 || last_input >= w_.length);
    // Windows that are contiguous in memory become one long segment of depth, so many taps want it.
    const bool gaps = taps_.size() > 1 && w_.x_row != w_.depth;
    staged_ = padded || gaps || rounded_;
  }

  int64_t staged_rows(int64_t rows, int64_t taps) const {
    return rows == 0 || taps == 0 ? 0 : (rows - 1) * w_.step + (taps - 1) * w_.dilation + 1;
  }

  // Where a unit finds input row i: at base + (i - origin) * row.
  struct Rows {
    const T* base;
    int64_t origin, row;
  };

  void run_unit(const T* x, T* y, int64_t unit, int thread) const {
    const Range rows = part_of_range(w_.rows, unit, units_per_sample_);
    run_panels(input_rows(x, rows, stage_ + thread * stage_size_), rows, y);
  }

  Rows input_rows(const T* x, Range rows, T* stage) const {
    const Range taps = taps_in_reach(w_, rows);
    if (!staged_ || taps.empty()) return {x, 0, w_.x_transposed ? 1 : w_.x_row};
    const int64_t begin = rows.begin * w_.step + w_.first + taps.begin * w_.dilation;
    const Range wanted{begin, begin + staged_rows(rows.size(), taps.size())};
    if (w_.x_transposed)
      stage_transposed(x, w_.x_row, w_.depth, wanted, rounded_, stage);
    else
      stage_rows(x, w_.x_row, w_.length, w_.depth, wanted, rounded_, stage);
    return {stage, begin, w_.depth};
  }

  // The part of w that all rows of the unit pass by stays in the first-level cache: a block of one panel's
  // depth, or several whole panels where the depth is small.
  void run_panels(const Rows& input, Range rows, T* y) const {
    const int64_t taps = std::max<int64_t>(taps_.size(), 1), depth = std::max<int64_t>(w_.depth, 1);
    const int64_t taps_per_block = std::clamp<int64_t>(tiles_.block_depth / depth, 1, taps);
    const int64_t tap_blocks = ceil_div(taps, taps_per_block);
    const int64_t depth_blocks = taps_per_block > 1 ? 1 : ceil_div(depth, tiles_.block_depth);
    const int64_t panels = ceil_div(w_.columns, tiles_.columns());
    const int64_t panels_per_block = std::clamp<int64_t>(tiles_.block_depth / (taps * depth), 1, panels);
    for (int64_t p = 0; p < panels; p += panels_per_block) {
      for (int64_t i = 0; i < tap_blocks * depth_blocks; ++i) {
        const Range tap_part = part_of_range(taps_.size(), i / depth_blocks, tap_blocks);
        const Block block{{taps_.begin + tap_part.begin, taps_.begin + tap_part.end},
                          part_of_range(w_.depth, i % depth_blocks, depth_blocks),
                          {p, std::min(panels, p + panels_per_block)},
                          i == 0 && !w_.accumulate};
        run_block(input, rows, block, y);
      }
    }
  }

  // A part of w, and whether its products overwrite y instead of adding to it.
  struct Block {
    Range taps, depth, panels;
    bool first;
  };

  void run_block(const Rows& input, Range rows, const Block& block, T* y) const {
    const int64_t tiles = ceil_div(rows.size(), tiles_.rows);
    for (int64_t m = 0; m < tiles; ++m) {
      const Range part = part_of_range(rows.size(), m, tiles);
      run_rows(input, {rows.begin + part.begin, rows.begin + part.end}, block, y);
    }
  }

  // One row of register tiles, over the block's taps that reach the series.
  void run_rows(const Rows& input, Range rows, const Block& block, T* y) const {
    Range taps = intersect(block.taps, taps_in_reach(w_, rows));
    if (taps.empty()) {
      if (!block.first) return;
      taps = {block.taps.begin, block.taps.begin};
    }
    const bool down = w_.x_transposed && !staged_;
    const int64_t row = rows.begin * w_.step + w_.first + taps.begin * w_.dilation - input.origin;
    Tile<T> tile;
    tile.segments = taps.size();
    tile.depth = block.depth.size();
    tile.a_segment = w_.dilation * input.row;
    tile.a_step = down ? w_.x_row : w_.step * input.row;
    tile.a = input.base;
    if (!taps.empty()) tile.a += row * input.row + block.depth.begin * (down ? w_.x_row : 1);
    if (tile.segments > 1 && tile.a_segment == w_.depth) {  // a window without gaps is one long segment
      tile.depth *= tile.segments;
      tile.segments = 1;
    }
    if (!staged_ && !w_.x_transposed) tile.next_a = tile.a + rows.size() * w_.step * input.row;
    const auto& functions = (down ? tiles_.down : tiles_.across)[rows.size() - 1];
    const int64_t skipped = (taps.begin - taps_.begin) * w_.depth + block.depth.begin;
    for (int64_t p = block.panels.begin; p < block.panels.end; ++p) {
      const int64_t width = panel_width(w_.columns, tiles_.lanes, p), column = p * tiles_.columns();
      tile.b = packed_ + column * taps_.size() * w_.depth + skipped * width;
      tile.b_segment = w_.depth * width;
      write_tile(tile, functions[width == tiles_.lanes ? 0 : 1], rows, column, width, block.first, y);
    }
  }

  void write_tile(Tile<T>& tile, TileFunction<T> function, Range rows, int64_t column, int64_t width,
                  bool first, T* y) const {
    T* c = y + rows.begin * w_.y_row + column;
    const int64_t columns = std::min(width, w_.columns - column);
    tile.init = first ? bias_ + column : c;
    tile.init_row = first ? 0 : w_.y_row;
    tile.c = c;
    tile.c_row = w_.y_row;
    if (columns == width) return function(tile);
    // The tile is wider than y: go through a buffer.
    alignas(64) T buffer[max_tile_rows * max_tile_columns] = {};
    if (!first) {
      for (int64_t r = 0; r < rows.size(); ++r) std::copy_n(c + r * w_.y_row, columns, buffer + r * width);
      tile.init = buffer;
      tile.init_row = width;
    }
    tile.c = buffer;
    tile.c_row = width;
    function(tile);
    for (int64_t r = 0; r < rows.size(); ++r) std::copy_n(buffer + r * width, columns, c + r * w_.y_row);
  }

  const Window<T>& w_;
  const KernelOptions& options_;
  const TileKernels<T>& tiles_;
  const bool rounded_;  // operands to bf16
  Range taps_{0, 0};    // those that reach the series from any row
  bool staged_ = false;
  int64_t units_per_sample_ = 1, unit_rows_ = 0, stage_size_ = 0;
  T *packed_ = nullptr, *bias_ = nullptr, *stage_ = nullptr;
};

}  // namespace mellow::cpu
