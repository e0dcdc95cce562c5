// SPDX-License-Identifier: MIT
#include <algorithm>

#include <omp.h>

#include "mellow/kernels/cpu/fourier_blocks.h"

namespace mellow::cpu {
namespace {

// dw by its spectrum: for each bin the sum over items of X conj(dY), a matrix product [depth, items] ×
// [items, columns]. Each part of the items (one per thread of the options) is summed by itself, the parts in
// order, so the result does not depend on timing.
class FourierGradient {
 public:
  FourierGradient(const WindowGradient<float>& gradient, const FourierBlocks& cut,
                  const KernelOptions& options, Arena& arena)
      : g_(gradient),
        cut_(cut),
        options_(options),
        plan_(fourier_plan(cut.size)),
        tiles_(tiles_for(options, 0.0f)),
        together_(std::min(fourier_items(gradient, cut), items_wanted)),
        columns_(round_up(gradient.columns, fourier_channels)),
        x_layout_{together_, round_up(gradient.depth, fourier_channels), 1},
        dy_layout_{together_, tiles_.columns(), columns_ / tiles_.columns()},
        sums_bin_(3 * gradient.depth * columns_) {
    x_size_ = plan_.bins() * x_layout_.bin();
    dy_size_ = plan_.bins() * dy_layout_.bin();
    sums_size_ = plan_.bins() * sums_bin_;
    x_spectra_ = arena.take<float>(x_size_ * options.threads);
    dy_spectra_ = arena.take<float>(dy_size_ * options.threads);
    sums_ = arena.take<float>(sums_size_ * options.threads);
    scratch_ = arena.take<float>(plan_.scratch_floats() * options.threads);
    bias_sums_ = arena.take<float>(columns_ * options.threads);
    series_ = arena.take<float>(g_.taps * fourier_channels * options.threads);
  }

  void run() {
#pragma omp parallel num_threads(options_.threads) if (options_.threads > 1)
    {
#pragma omp for schedule(static)
      for (int part = 0; part < options_.threads; ++part) {
        std::fill_n(sums_ + part * sums_size_, sums_size_, 0.0f);
        std::fill_n(bias_sums_ + part * columns_, columns_, 0.0f);
        const Range mine = part_of_range(fourier_items(g_, cut_), part, options_.threads);
        const int64_t groups = ceil_div(mine.size(), together_);
        for (int64_t i = 0; i < groups; ++i) {
          const Range group = part_of_range(mine.size(), i, groups);
          add_items({mine.begin + group.begin, mine.begin + group.end}, part);
        }
      }
#pragma omp for schedule(static)
      for (int64_t k = 0; k < plan_.bins(); ++k) join(k);
#pragma omp for schedule(static)
      for (int64_t d = 0; d < g_.depth; ++d) write_depth(d, omp_get_thread_num());
    }
    if (g_.dbias) write_bias();
  }

 private:
  static constexpr int64_t items_wanted = 32;  // added up in registers before memory is touched

  void add_items(Range items, int part) const {
    float *x = x_spectra_ + part * x_size_, *dy = dy_spectra_ + part * dy_size_;
    float* scratch = scratch_ + part * plan_.scratch_floats();
    for (int64_t i = items.begin; i < items.end; ++i) {
      const FourierItem item = fourier_item(g_, cut_, i);
      for (int64_t d = 0; d < g_.depth; d += fourier_channels)
        spectrum_of(plan_, fourier_input(g_, cut_, item, d), FourierSide::left, x_layout_, i - items.begin, d,
                    x, scratch);
      const float* from = g_.dy + item.sample * g_.dy_batch + item.first_row * g_.dy_row;
      for (int64_t n = 0; n < g_.columns; n += fourier_channels)
        spectrum_of(
            plan_,
            {from + n, g_.dilation * g_.dy_row, 0, item.rows, std::min(fourier_channels, g_.columns - n)},
            FourierSide::right, dy_layout_, i - items.begin, n, dy, scratch);
    }
    if (g_.dbias) add_bias(items.size(), dy, bias_sums_ + part * columns_);
    for (int64_t k = 0; k < plan_.bins(); ++k)
      multiply(items.size(), x + k * x_layout_.bin(), dy + k * dy_layout_.bin(),
               sums_ + part * sums_size_ + k * sums_bin_);
  }

  // Bin 0 of dy holds twice the sum over its steps.
  void add_bias(int64_t items, const float* dy, float* sums) const {
    for (int64_t i = 0; i < items; ++i)
      for (int64_t n = 0; n < columns_; ++n)
        sums[n] +=
            0.5f *
            dy[n / dy_layout_.width * dy_layout_.panel() + i * dy_layout_.width + n % dy_layout_.width];
  }

  // One bin: adds the three products to sums [3, depth, columns].
  void multiply(int64_t items, const float* x, const float* dy, float* sums) const {
    const int64_t blocks = ceil_div(g_.depth, tiles_.rows), width = dy_layout_.width;
    for (int64_t p = 0; p < dy_layout_.panels; ++p) {
      for (int64_t m = 0; m < blocks; ++m) {
        const Range rows = part_of_range(g_.depth, m, blocks);
        float* c = sums + rows.begin * columns_ + p * width;
        Tile<float> tile{
            x + rows.begin, x_layout_.width, 0, dy + p * dy_layout_.panel(), 0, c, columns_, c, columns_, 1,
            items};
        for (int part = 0; part < 3; ++part) {
          tiles_.down[rows.size() - 1][1](tile);
          tile.a += x_layout_.part();
          tile.b += dy_layout_.part();
          tile.c += g_.depth * columns_;
          tile.init = tile.c;
        }
      }
    }
  }

  // Bin k of the first part := real and imaginary part of the sum of all parts, in the places of the second
  // and third product.
  void join(int64_t k) const {
    const int64_t matrix = g_.depth * columns_;
    float* to = sums_ + k * sums_bin_;
    for (int part = 1; part < options_.threads; ++part) {
      const float* from = to + part * sums_size_;
      for (int64_t i = 0; i < 3 * matrix; ++i) to[i] += from[i];
    }
    for (int64_t i = 0; i < matrix; ++i) {
      to[matrix + i] += to[i];
      to[2 * matrix + i] += to[i];
    }
  }

  void write_depth(int64_t d, int thread) const {
    float *scratch = scratch_ + thread * plan_.scratch_floats(),
          *series = series_ + thread * g_.taps * fourier_channels;
    const float* re = sums_ + (g_.depth + d) * columns_;
    for (int64_t n = 0; n < g_.columns; n += fourier_channels) {
      const int64_t count = std::min(fourier_channels, g_.columns - n);
      series_of(
          plan_, {re + n, re + g_.depth * columns_ + n, sums_bin_},
          {series, fourier_channels, g_.taps, count, 0.25f / static_cast<float>(plan_.size), nullptr, false},
          scratch);
      for (int64_t j = 0; j < g_.taps; ++j)
        for (int64_t c = 0; c < count; ++c) {
          float& to = g_.dw[j * g_.w_tap + d * g_.w_depth + (n + c) * g_.w_column];
          const float v = series[j * fourier_channels + c];
          to = g_.accumulate ? to + v : v;
        }
    }
  }

  void write_bias() const {
    for (int64_t n = 0; n < g_.columns; ++n) {
      float total = 0;
      for (int part = 0; part < options_.threads; ++part) total += bias_sums_[part * columns_ + n];
      g_.dbias[n] = g_.accumulate ? g_.dbias[n] + total : total;
    }
  }

  const WindowGradient<float>& g_;
  const FourierBlocks cut_;
  const KernelOptions& options_;
  const FourierPlan& plan_;
  const TileKernels<float>& tiles_;
  const int64_t together_, columns_;  // items at a time; columns with padding
  const SpectraLayout x_layout_, dy_layout_;
  const int64_t sums_bin_;
  int64_t x_size_, dy_size_, sums_size_;
  float *x_spectra_, *dy_spectra_, *sums_, *scratch_, *bias_sums_, *series_;
};

}  // namespace

void fourier_gradient(const WindowGradient<float>& gradient, const FourierBlocks& cut,
                      const KernelOptions& options, Arena& arena) {
  FourierGradient sum(gradient, cut, options, arena);
  if (!arena.counts()) sum.run();
}

}  // namespace mellow::cpu
