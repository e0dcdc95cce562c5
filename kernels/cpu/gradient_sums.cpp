// SPDX-License-Identifier: MIT
#include "mellow/kernels/cpu/gradient_sums.h"

#include <omp.h>

#include "mellow/kernels/cpu/staging.h"
#include "mellow/kernels/cpu/transpose.h"

namespace mellow::cpu {

template <class T>
GradientSums<T>::GradientSums(const WindowGradient<T>& gradient, const KernelOptions& options, int64_t lanes,
                              int64_t steps_per_unit, Arena& arena)
    : g_(gradient), options_(options), lanes_(lanes), taps_(taps_in_reach(g_, {0, g_.rows})) {
  const int64_t per_thread = std::max<int64_t>(1, g_.batch / options.threads);
  samples_per_unit_ = std::clamp<int64_t>(steps_per_unit / std::max<int64_t>(g_.rows, 1), 1, per_thread);
  units_per_sample_ = std::max<int64_t>(1, g_.rows / steps_per_unit);
  if (g_.batch < options.threads)
    units_per_sample_ = std::max(units_per_sample_, std::min<int64_t>(options.threads, g_.rows / 16));
  unit_rows_ = ceil_div(g_.rows, units_per_sample_);
  const int64_t padded_columns = round_up(g_.columns, lanes);
  sum_size_ = round_up(taps_.size() * g_.depth * padded_columns, 16);
  sums_ = arena.take<T>(sum_size_ * options.threads);
  bias_size_ = round_up(padded_columns, 16);
  bias_sums_ = arena.take<T>(bias_size_ * options.threads);
}

template <class T>
void GradientSums<T>::run() {
  const int64_t panels = ceil_div(g_.columns, panel_columns());
#pragma omp parallel num_threads(options_.threads) if (options_.threads > 1)
  {
    begin_thread();
#pragma omp for schedule(static)
    for (int part = 0; part < options_.threads; ++part) sum_part(part);
    end_thread();
#pragma omp for schedule(static)
    for (int64_t i = 0; i < g_.taps * panels; ++i) write_tap(i % g_.taps, i / g_.taps);
  }
  write_bias(g_, bias_sums_, bias_size_, options_.threads);
}

template <class T>
void GradientSums<T>::sum_part(int part) const {
  std::fill_n(sums_ + part * sum_size_, sum_size_, T(0));
  std::fill_n(bias_sums_ + part * bias_size_, bias_size_, T(0));
  const Range mine =
      part_of_range(ceil_div(g_.batch, samples_per_unit_) * units_per_sample_, part, options_.threads);
  for (int64_t u = mine.begin; u < mine.end; ++u) {
    const int64_t s = u / units_per_sample_ * samples_per_unit_;
    const Range samples{s, std::min(g_.batch, s + samples_per_unit_)};
    const Range rows = part_of_range(g_.rows, u % units_per_sample_, units_per_sample_);
    if (g_.dbias) add_bias(samples, rows, bias_sums_ + part * bias_size_);
    run_unit(samples, rows, part, sums_ + part * sum_size_);
  }
}

template <class T>
void GradientSums<T>::add_bias(Range samples, Range rows, T* sums) const {
  for (int64_t s = samples.begin; s < samples.end; ++s) {
    for (int64_t t = rows.begin; t < rows.end; ++t) {
      const T* dy = g_.dy + s * g_.dy_batch + t * g_.dy_row;
      for (int64_t n = 0; n < g_.columns; ++n) sums[n] += dy[n];
    }
  }
}

// dw[tap, :, the columns of a panel] from the parts' sums.
template <class T>
void GradientSums<T>::write_tap(int64_t tap, int64_t panel) const {
  const int64_t column = panel * panel_columns(), width = panel_width(g_.columns, lanes_, panel);
  const int64_t columns = std::min(width, g_.columns - column);
  const bool reached = taps_.begin <= tap && tap < taps_.end;
  const T* sums = sums_ + column * taps_.size() * g_.depth + (tap - taps_.begin) * g_.depth * width;
  T* dw = g_.dw + tap * g_.w_tap + column * g_.w_column;
  constexpr int64_t rows = 16;
  T total[rows * max_tile_columns] = {};
  for (int64_t d = 0; d < g_.depth; d += rows) {
    const int64_t count = std::min(rows, g_.depth - d);
    for (int part = 0; reached && part < options_.threads; ++part)
      for (int64_t i = 0; i < count * width; ++i) {
        const T v = sums[part * sum_size_ + d * width + i];
        total[i] = part == 0 ? v : total[i] + v;
      }
    add_transposed(total, width, count, columns, g_.accumulate, dw + d, g_.w_column);
  }
}

template class GradientSums<float>;
template class GradientSums<double>;

}  // namespace mellow::cpu
