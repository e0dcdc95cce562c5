// SPDX-License-Identifier: MIT
#include <algorithm>

#include <omp.h>

#include "mellow/kernels/cpu/fourier_blocks.h"

namespace mellow::cpu {
namespace {

// y = x * w by the spectra Y = X conj(W): for each bin a matrix product over the items that a thread works on
// at a time. An item's result does not depend on the others.
class FourierProduct {
 public:
  FourierProduct(const Window<float>& window, const FourierBlocks& cut, const KernelOptions& options,
                 Arena& arena)
      : w_(window),
        cut_(cut),
        options_(options),
        plan_(fourier_plan(cut.size)),
        tiles_(tiles_for(options, 0.0f)),
        together_(std::min(fourier_items(window, cut), ceil_div(items_wanted, tiles_.rows) * tiles_.rows)),
        columns_(round_up(window.columns, fourier_channels)),
        x_layout_{together_, round_up(window.depth, fourier_channels), 1},
        w_layout_{window.depth, tiles_.columns(), columns_ / tiles_.columns()},
        y_bin_(2 * together_ * columns_) {
    dense_ = arena.take<float>(w_.taps * w_.depth * w_.columns);
    w_spectra_ = arena.take<float>(plan_.bins() * w_layout_.bin());
    x_size_ = plan_.bins() * x_layout_.bin();
    y_size_ = plan_.bins() * y_bin_;
    x_spectra_ = arena.take<float>(x_size_ * options.threads);
    y_spectra_ = arena.take<float>(y_size_ * options.threads);
    scratch_ = arena.take<float>(plan_.scratch_floats() * options.threads);
  }

  void run() {
#pragma omp parallel num_threads(options_.threads) if (options_.threads > 1)
    {
      const int thread = omp_get_thread_num();
      transform_weights(scratch_ + thread * plan_.scratch_floats());
      const Range mine = part_of_range(fourier_items(w_, cut_), thread, omp_get_num_threads());
      const int64_t groups = ceil_div(mine.size(), together_);
      for (int64_t i = 0; i < groups; ++i) {
        const Range part = part_of_range(mine.size(), i, groups);
        run_items({mine.begin + part.begin, mine.begin + part.end}, thread);
      }
    }
  }

 private:
  static constexpr int64_t items_wanted = 14;  // enough rows to read the weights' spectra for

  // Called by all threads of the team.
  void transform_weights(float* scratch) {
#pragma omp for schedule(static)
    for (int64_t d = 0; d < w_.depth; d += 16)  // keeps the lines of w in the first-level cache
      for (int64_t j = 0; j < w_.taps; ++j)
        for (int64_t n = 0; n < w_.columns; ++n)
          for (int64_t i = d; i < std::min(w_.depth, d + 16); ++i)
            dense_[(j * w_.depth + i) * w_.columns + n] =
                w_.w[j * w_.w_tap + i * w_.w_depth + n * w_.w_column];
#pragma omp for schedule(static)
    for (int64_t d = 0; d < w_.depth; ++d)
      for (int64_t n = 0; n < columns_; n += fourier_channels) {
        const FourierInput taps{dense_ + d * w_.columns + n, w_.depth * w_.columns, 0, w_.taps,
                                std::min(fourier_channels, w_.columns - n)};
        spectrum_of(plan_, taps, FourierSide::right, w_layout_, d, n, w_spectra_, scratch);
      }
  }

  void run_items(Range items, int thread) const {
    float *x = x_spectra_ + thread * x_size_, *y = y_spectra_ + thread * y_size_;
    float* scratch = scratch_ + thread * plan_.scratch_floats();
    for (int64_t i = items.begin; i < items.end; ++i)
      for (int64_t d = 0; d < w_.depth; d += fourier_channels)
        spectrum_of(plan_, fourier_input(w_, cut_, fourier_item(w_, cut_, i), d), FourierSide::left,
                    x_layout_, i - items.begin, d, x, scratch);
    for (int64_t k = 0; k < plan_.bins(); ++k)
      multiply(items.size(), x + k * x_layout_.bin(), w_spectra_ + k * w_layout_.bin(), y + k * y_bin_);
    for (int64_t i = items.begin; i < items.end; ++i)
      write_item(i, y + (i - items.begin) * columns_, scratch);
  }

  // One bin: real and imaginary part of y [2, together, columns].
  void multiply(int64_t items, const float* x, const float* w, float* y) const {
    static constexpr float zeros[max_tile_columns] = {};
    alignas(64) float shared[max_tile_rows * max_tile_columns];
    const int64_t blocks = ceil_div(items, tiles_.rows), width = w_layout_.width;
    for (int64_t p = 0; p < w_layout_.panels; ++p) {
      for (int64_t m = 0; m < blocks; ++m) {
        const Range rows = part_of_range(items, m, blocks);
        const auto run = tiles_.across[rows.size() - 1][1];
        Tile<float> tile{x + rows.begin * x_layout_.width,
                         x_layout_.width,
                         0,
                         w + p * w_layout_.panel(),
                         0,
                         zeros,
                         0,
                         shared,
                         width,
                         1,
                         w_.depth};
        run(tile);
        tile.init = shared;
        tile.init_row = width;
        tile.c = y + rows.begin * columns_ + p * width;
        tile.c_row = columns_;
        for (int part = 0; part < 2; ++part) {
          tile.a += x_layout_.part();
          tile.b += w_layout_.part();
          run(tile);
          tile.c += together_ * columns_;
        }
      }
    }
  }

  void write_item(int64_t i, const float* y, float* scratch) const {
    const FourierItem item = fourier_item(w_, cut_, i);
    float* to = w_.y + item.sample * w_.y_batch + item.first_row * w_.y_row;
    for (int64_t n = 0; n < w_.columns; n += fourier_channels)
      series_of(plan_, {y + n, y + n + together_ * columns_, y_bin_},
                {to + n, w_.dilation * w_.y_row, item.rows, std::min(fourier_channels, w_.columns - n),
                 0.25f / static_cast<float>(plan_.size), w_.bias ? w_.bias + n : nullptr, w_.accumulate},
                scratch);
  }

  const Window<float>& w_;
  const FourierBlocks cut_;
  const KernelOptions& options_;
  const FourierPlan& plan_;
  const TileKernels<float>& tiles_;
  const int64_t together_, columns_;  // items at a time; columns with padding
  const SpectraLayout x_layout_, w_layout_;
  const int64_t y_bin_;
  int64_t x_size_, y_size_;
  float *dense_, *w_spectra_, *x_spectra_, *y_spectra_, *scratch_;
};

}  // namespace

void fourier_product(const Window<float>& window, const FourierBlocks& cut, const KernelOptions& options,
                     Arena& arena) {
  FourierProduct product(window, cut, options, arena);
  if (!arena.counts()) product.run();
}

}  // namespace mellow::cpu
