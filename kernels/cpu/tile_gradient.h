// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/kernels/cpu/gradient_sums.h"
#include "mellow/kernels/cpu/staging.h"

namespace mellow::cpu {

// Time steps summed in registers before they are added to memory. A panel of dy of this height and the input
// beside it share the first-level cache.
inline constexpr int64_t steps_per_unit = 128;

// The register tiles' depth is time; their rows are (tap, depth) pairs, their columns those of dy.
template <class T>
class TileGradient final : public GradientSums<T> {
  using Base = GradientSums<T>;
  using Base::g_, Base::taps_, Base::lanes_, Base::terms_, Base::unit_rows_, Base::samples_per_unit_;
  using Base::panel_columns, Base::input_rows, Base::first_input;

 public:
  TileGradient(const WindowGradient<T>& gradient, const KernelOptions& options, Arena& arena)
      : Base(gradient, options, tiles_for(options, T()).lanes, steps_per_unit, arena),
        tiles_(tiles_for(options, T())) {
    const int64_t last_input = first_input({g_.rows - 1, g_.rows}) + (taps_.size() - 1) * g_.dilation;
    const bool padded = !taps_.empty() && (first_input({0, g_.rows}) < 0 || last_input >= g_.length);
    const bool gaps = taps_.size() > 1 && g_.x_row != g_.depth;
    staged_ = padded || gaps || options.precision != Precision::fp32;
    dy_size_ = round_up(samples_per_unit_ * unit_rows_ * round_up(g_.columns, lanes_), 16);
    dy_ = arena.take<T>(dy_size_ * options.threads);
    if (!staged_) return;
    sample_size_ = input_rows(unit_rows_) * g_.depth;
    x_size_ = round_up(samples_per_unit_ * sample_size_, 16);
    x_ = arena.take<T>(x_size_ * options.threads);
  }

 private:
  void run_unit(Range samples, Range rows, int part, T* sums) const override {
    T* dy = dy_ + part * dy_size_;
    for (int i = 0; i < terms_.count; ++i) {
      pack_dy(samples, rows, terms_.term[i].b, dy);
      const Input input = stage_input(samples, rows, terms_.term[i].a, x_ + part * x_size_);
      for (int64_t column = 0; column < g_.columns; column += panel_columns())
        run_panel(input, samples.size(), rows, dy + column * samples.size() * rows.size(), column,
                  sums + column * taps_.size() * g_.depth);
    }
  }

  // Panels [samples, rows, width], as pack_panels makes them, with a sample in the place of a tap.
  void pack_dy(Range samples, Range rows, Part part, T* to) const {
    const PanelSource<T> source{
        g_.dy + rows.begin * g_.dy_row, g_.dy_batch, g_.dy_row, 1, samples, rows.size(), g_.columns};
    for (int64_t i = 0; i < packing_blocks(source, lanes_); ++i) pack_block(source, lanes_, part, i, to);
  }

  // Input row i of the unit's sample s is at base + s * sample + (i - origin) * row.
  struct Input {
    const T* base;
    int64_t sample, origin, row;
  };

  Input stage_input(Range samples, Range rows, Part part, T* to) const {
    if (!staged_) return {g_.x + samples.begin * g_.x_batch, g_.x_batch, 0, g_.x_row};
    const int64_t begin = first_input(rows);
    const Range wanted{begin, begin + input_rows(rows.size())};
    for (int64_t s = samples.begin; s < samples.end; ++s)
      stage_rows(g_.x + s * g_.x_batch, g_.x_row, g_.length, g_.depth, wanted, part,
                 to + (s - samples.begin) * sample_size_);
    return {to, sample_size_, begin, g_.depth};
  }

  // The sums of one panel are [taps, depth, width]: the rows of its register tiles are depths, and run on
  // over the taps where a window has no gaps.
  void run_panel(const Input& input, int64_t samples, Range rows, const T* dy, int64_t column,
                 T* sums) const {
    const bool joined = g_.dilation * input.row == g_.depth;
    const int64_t groups = joined ? 1 : taps_.size();
    const int64_t group_rows = joined ? taps_.size() * g_.depth : g_.depth;
    const int64_t tiles = ceil_div(group_rows, tiles_.rows);
    for (int64_t j = 0; j < groups; ++j) {
      for (int64_t m = 0; m < tiles; ++m) {
        const Range part = part_of_range(group_rows, m, tiles);
        const Range taps{taps_.begin + j + part.begin / g_.depth,
                         taps_.begin + j + (part.end - 1) / g_.depth + 1};
        run_tile(
            input, samples, rows, taps, part.begin - (taps.begin - taps_.begin - j) * g_.depth, part.size(),
            dy, column,
            sums + (j * g_.depth + part.begin) * panel_width(g_.columns, lanes_, column / panel_columns()));
      }
    }
  }

  // Adds to `count` rows of the sums, from depth `depth` of tap taps.begin on.
  void run_tile(const Input& input, int64_t samples, Range rows, Range taps, int64_t depth, int64_t count,
                const T* dy, int64_t column, T* sums) const {
    const Range steps = intersect(rows, rows_in_reach(g_, taps));
    if (steps.empty()) return;
    const int64_t width = panel_width(g_.columns, lanes_, column / panel_columns());
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

  const TileKernels<T>& tiles_;
  bool staged_ = false;
  int64_t dy_size_ = 0, sample_size_ = 0, x_size_ = 0;
  T *dy_ = nullptr, *x_ = nullptr;
};

}  // namespace mellow::cpu
