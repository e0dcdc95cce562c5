// SPDX-License-Identifier: MIT
#include <omp.h>

#include <algorithm>

#include "mellow/kernels/cpu/staging.h"
#include "mellow/kernels/cpu/window_product.h"

namespace mellow::cpu {
namespace {

// Time steps summed in registers before they are added to memory. A panel of dy of this height and the input beside
// it share the first-level cache.
constexpr int64_t steps_per_unit = 128;

// The sum over samples and time is split into one part per thread of the options. Each part sums its units in order
// into its own buffer and the buffers are added in order, so the result does not depend on timing.
template <class T>
class WindowGradientSum {
 public:
  WindowGradientSum(const WindowGradient<T>& gradient, const KernelOptions& options, Arena& arena)
      : g_(gradient), options_(options), tiles_(tiles_for(options.isa, T())), terms_(terms_of(options.precision)) {
    taps_ = taps_in_reach(g_, {0, g_.rows});
    padded_columns_ = round_up(g_.columns, tiles_.lanes);
    choose_units();
    sum_size_ = round_up(taps_.size() * g_.depth * padded_columns_, 16);
    sums_ = arena.take<T>(sum_size_ * options.threads);
    bias_size_ = round_up(padded_columns_, 16);
    bias_sums_ = arena.take<T>(bias_size_ * options.threads);
    dy_size_ = round_up(samples_per_unit_ * unit_rows_ * padded_columns_, 16);
    dy_ = arena.take<T>(dy_size_ * options.threads);
    if (staged_) {
      sample_size_ = staged_rows(unit_rows_) * g_.depth;
      x_size_ = round_up(samples_per_unit_ * sample_size_, 16);
      x_ = arena.take<T>(x_size_ * options.threads);
    }
  }

  void run() {
    const int64_t units = ceil_div(g_.batch, samples_per_unit_) * units_per_sample_;
#pragma omp parallel num_threads(options_.threads) if (options_.threads > 1)
    {
#pragma omp for schedule(static)
      for (int part = 0; part < options_.threads; ++part) {
        std::fill_n(sums_ + part * sum_size_, sum_size_, T(0));
        std::fill_n(bias_sums_ + part * bias_size_, bias_size_, T(0));
        const Range mine = part_of_range(units, part, options_.threads);
        for (int64_t u = mine.begin; u < mine.end; ++u) run_unit(u, part);
      }
#pragma omp for schedule(static)
      for (int64_t n = 0; n < g_.columns; ++n) write_column(n);
    }
  }

 private:
  // A unit is a range of rows of one sample, or all rows of several short ones.
  void choose_units() {
    samples_per_unit_ = std::max<int64_t>(1, steps_per_unit / std::max<int64_t>(g_.rows, 1));
    const int64_t per_thread = std::max<int64_t>(1, g_.batch / options_.threads);
    samples_per_unit_ = std::min(samples_per_unit_, per_thread);
    units_per_sample_ = std::max<int64_t>(1, g_.rows / steps_per_unit);
    unit_rows_ = ceil_div(g_.rows, units_per_sample_);
    const int64_t first_input = g_.first + taps_.begin * g_.dilation;
    const int64_t last_input = (g_.rows - 1) * g_.step + g_.first + (taps_.end - 1) * g_.dilation;
    const bool padded = !taps_.empty() && (first_input < 0 || last_input >= g_.length);
    const bool gaps = taps_.size() > 1 && g_.x_row != g_.depth;
    staged_ = padded || gaps || options_.precision != Precision::fp32;
  }

  int64_t staged_rows(int64_t rows) const {
    return rows == 0 || taps_.empty() ? 0 : (rows - 1) * g_.step + (taps_.size() - 1) * g_.dilation + 1;
  }

  void run_unit(int64_t unit, int part) {
    const int64_t s = unit / units_per_sample_ * samples_per_unit_;
    const Range samples{s, std::min(g_.batch, s + samples_per_unit_)};
    const Range rows = part_of_range(g_.rows, unit % units_per_sample_, units_per_sample_);
    T* dy = dy_ + part * dy_size_;
    if (g_.dbias) add_bias(samples, rows, bias_sums_ + part * bias_size_);
    for (int i = 0; i < terms_.count; ++i) {
      pack_dy(samples, rows, terms_.term[i].b, dy);
      const Input input = stage_input(samples, rows, terms_.term[i].a, x_ + part * x_size_);
      for (int64_t column = 0; column < g_.columns; column += tiles_.columns())
        run_panel(input, samples.size(), rows, dy + column * samples.size() * rows.size(), column,
                  sums_ + part * sum_size_ + column * taps_.size() * g_.depth);
    }
  }

  void add_bias(Range samples, Range rows, T* sums) const {
    for (int64_t s = samples.begin; s < samples.end; ++s) {
      for (int64_t t = rows.begin; t < rows.end; ++t) {
        const T* dy = g_.dy + s * g_.dy_batch + t * g_.dy_row;
        for (int64_t n = 0; n < g_.columns; ++n) sums[n] += dy[n];
      }
    }
  }

  // Panels [samples, rows, width], as pack_panels makes them, with a sample in the place of a tap.
  void pack_dy(Range samples, Range rows, Part part, T* to) const {
    const PanelSource<T> source{g_.dy + rows.begin * g_.dy_row, g_.dy_batch, g_.dy_row, 1, samples, rows.size(), g_.columns};
    pack_panels(source, tiles_.lanes, part, 1, to);
  }

  // Input row i of the unit's sample s is at base + s * sample + (i - origin) * row.
  struct Input {
    const T* base;
    int64_t sample, origin, row;
  };

  Input stage_input(Range samples, Range rows, Part part, T* to) const {
    if (!staged_) return {g_.x + samples.begin * g_.x_batch, g_.x_batch, 0, g_.x_row};
    const int64_t begin = rows.begin * g_.step + g_.first + taps_.begin * g_.dilation;
    const Range wanted{begin, begin + staged_rows(rows.size())};
    for (int64_t s = samples.begin; s < samples.end; ++s)
      stage_rows(g_.x + s * g_.x_batch, g_.x_row, g_.length, g_.depth, wanted, part,
                 to + (s - samples.begin) * sample_size_);
    return {to, sample_size_, begin, g_.depth};
  }

  // The sums of one panel are [taps, depth, width]: the rows of its register tiles are depths, and run on over the
  // taps where a window has no gaps.
  void run_panel(const Input& input, int64_t samples, Range rows, const T* dy, int64_t column, T* sums) const {
    const bool joined = g_.dilation * input.row == g_.depth;
    const int64_t groups = joined ? 1 : taps_.size();
    const int64_t group_rows = joined ? taps_.size() * g_.depth : g_.depth;
    const int64_t tiles = ceil_div(group_rows, tiles_.rows);
    for (int64_t j = 0; j < groups; ++j) {
      for (int64_t m = 0; m < tiles; ++m) {
        const Range part = part_of_range(group_rows, m, tiles);
        const Range taps{taps_.begin + j + part.begin / g_.depth, taps_.begin + j + (part.end - 1) / g_.depth + 1};
        run_tile(input, samples, rows, taps, part.begin - (taps.begin - taps_.begin - j) * g_.depth, part.size(), dy,
                 column, sums + (j * g_.depth + part.begin) * panel_width(g_.columns, tiles_.lanes, column / tiles_.columns()));
      }
    }
  }

  // Adds to `count` rows of the sums, from depth `depth` of tap taps.begin on.
  void run_tile(const Input& input, int64_t samples, Range rows, Range taps, int64_t depth, int64_t count, const T* dy,
                int64_t column, T* sums) const {
    const Range steps = intersect(rows, rows_in_reach(g_, taps));
    if (steps.empty()) return;
    const int64_t width = panel_width(g_.columns, tiles_.lanes, column / tiles_.columns());
    const int64_t row = steps.begin * g_.step + g_.first + taps.begin * g_.dilation - input.origin;
    Tile<T> tile;
    tile.a = input.base + row * input.row + depth;
    tile.a_step = g_.step * input.row;
    tile.a_segment = input.sample;
    tile.b = dy + (steps.begin - rows.begin) * width;
    tile.b_segment = rows.size() * width;
    tile.init = tile.c = sums;
    tile.init_row = tile.c_row = width;
    tile.segments = samples;
    tile.depth = steps.size();
    tiles_.down[count - 1][width / tiles_.lanes - 1](tile);
  }

  // dw[:, :, n] and dbias[n] from the parts' sums.
  void write_column(int64_t n) const {
    const int64_t panel = n / tiles_.columns() * tiles_.columns();
    const int64_t width = panel_width(g_.columns, tiles_.lanes, n / tiles_.columns());
    const T* sums = sums_ + panel * taps_.size() * g_.depth + (n - panel);
    for (int64_t j = 0; j < g_.taps; ++j) {
      for (int64_t d = 0; d < g_.depth; ++d) {
        T total = 0;
        if (taps_.begin <= j && j < taps_.end)
          for (int part = 0; part < options_.threads; ++part)
            total += sums[part * sum_size_ + ((j - taps_.begin) * g_.depth + d) * width];
        T& to = g_.dw[j * g_.w_tap + d * g_.w_depth + n * g_.w_column];
        to = g_.accumulate ? to + total : total;
      }
    }
    if (!g_.dbias) return;
    T total = 0;
    for (int part = 0; part < options_.threads; ++part) total += bias_sums_[part * bias_size_ + n];
    g_.dbias[n] = g_.accumulate ? g_.dbias[n] + total : total;
  }

  const WindowGradient<T>& g_;
  const KernelOptions& options_;
  const TileKernels<T>& tiles_;
  const Terms terms_;
  Range taps_{0, 0};
  bool staged_ = false;
  int64_t padded_columns_ = 0, samples_per_unit_ = 1, units_per_sample_ = 1, unit_rows_ = 0;
  int64_t sum_size_ = 0, bias_size_ = 0, dy_size_ = 0, sample_size_ = 0, x_size_ = 0;
  T *sums_ = nullptr, *bias_sums_ = nullptr, *dy_ = nullptr, *x_ = nullptr;
};

}  // namespace

template <class T>
void window_gradient(const WindowGradient<T>& gradient, const KernelOptions& options, Arena& arena) {
  WindowGradientSum<T> sum(gradient, options, arena);
  if (!arena.counts()) sum.run();
}

template void window_gradient(const WindowGradient<float>&, const KernelOptions&, Arena&);
template void window_gradient(const WindowGradient<double>&, const KernelOptions&, Arena&);

}  // namespace mellow::cpu
