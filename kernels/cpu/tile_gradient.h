// SPDX-License-Identifier: MIT
#pragma once

#include <numeric>

#include "mellow/kernels/cpu/bf16_pairs.h"
#include "mellow/kernels/cpu/gradient_sums.h"
#include "mellow/kernels/cpu/staging.h"

namespace mellow::cpu {

// Time steps summed in registers before they are added to memory. A panel of dy of this height and the input
// beside it share the first-level cache.
inline constexpr int64_t steps_per_unit = 128;

// dy in panels [samples, elements of the rows, width], of which a sample has `segment` elements.
template <class Element>
struct Panels {
  const Element* base;
  int64_t segment;  // 0: as many as it fills
};

// The operands of a gradient as the tiles take them, time step by time step.
template <class T>
struct StepOperands {
  using Element = T;
  static constexpr int64_t steps = 1;  // of an element
  const TileKernels<T>& tiles;
  bool rounded;  // to bf16

  bool stages_always() const { return rounded; }
  Panels<T> pack(const PanelSource<T>& source, T* to) const {
    const int64_t width = panel_width(source.columns, tiles.lanes, 0);
    if (!rounded && source.columns == width && source.w_depth == width)  // lies as it is wanted
      return {source.w + source.taps.begin * source.w_tap, source.w_tap};
    for (int64_t i = 0; i < packing_blocks(source, tiles.lanes); ++i)
      pack_block(source, tiles.lanes, rounded, i, to);
    return {to, 0};
  }
  void stage(const WindowGradient<T>& g, const T* x, Range rows, int64_t, T* to) const {
    stage_rows(x, g.x_row, g.length, g.depth, rows, rounded, to);
  }
};

// The same as pairs of time steps: of dy every second step with the next one, of x every step that a pair may
// begin at with the one that the window moves on to.
struct PairOperands {
  using Element = Bf16Pair;
  static constexpr int64_t steps = 2;
  const TileKernels<Bf16Pair>& tiles;
  void (*interleave)(const float*, const float*, int64_t, Bf16Pair*);

  bool stages_always() const { return true; }
  Panels<Bf16Pair> pack(const PanelSource<float>& source, Bf16Pair* const room) const {
    Bf16Pair* to = room;
    for (int64_t column = 0; column < source.columns; column += tiles.columns()) {
      const int64_t width = panel_width(source.columns, tiles.lanes, column / tiles.columns());
      const int64_t columns = std::min(width, source.columns - column);
      for (int64_t tap = source.taps.begin; tap < source.taps.end; ++tap) {
        const float* w = source.w + tap * source.w_tap + column;
        for (int64_t d = 0; d < source.depth; d += steps, to += width) {
          interleave(w + d * source.w_depth, d + 1 < source.depth ? w + (d + 1) * source.w_depth : nullptr,
                     columns, to);
          std::fill(to + columns, to + width, Bf16Pair{});
        }
      }
    }
    return {room, 0};
  }
  void stage(const WindowGradient<float>& g, const float* x, Range rows, int64_t taps, Bf16Pair* to) const {
    const auto row = [&](int64_t i) { return 0 <= i && i < g.length ? x + i * g.x_row : nullptr; };
    const int64_t every = taps > 1 ? std::gcd(steps * g.step, g.dilation) : steps * g.step;
    for (int64_t i = rows.begin; i < rows.end; i += every)
      interleave(row(i), row(i + g.step), g.depth, to + (i - rows.begin) * g.depth);
  }
};

// The register tiles' depth is time; their rows are (tap, depth) pairs, their columns those of dy.
template <class T, class Operands>
// NOLINTNEXTLINE(cppcoreguidelines-virtual-class-destructor): it is final
class TileGradient final : public GradientSums<T> {
  using Base = GradientSums<T>;
  using Base::g_, Base::taps_, Base::lanes_, Base::unit_rows_, Base::samples_per_unit_;
  using Base::panel_columns, Base::input_rows, Base::first_input;
  using Element = typename Operands::Element;

 public:
  TileGradient(const WindowGradient<T>& gradient, const KernelOptions& options, const Operands& operands,
               Arena& arena)
      : Base(gradient, options, operands.tiles.lanes, steps_per_unit, arena), operands_(operands) {
    const int64_t last_input = first_input({g_.rows - 1, g_.rows}) + (taps_.size() - 1) * g_.dilation;
    const bool padded = !taps_.empty() && (first_input({0, g_.rows}) < 0 || last_input >= g_.length);
    const bool gaps = taps_.size() > 1 && g_.x_row != g_.depth;
    staged_ = padded || gaps || operands_.stages_always();
    dy_size_ = round_up(samples_per_unit_ * elements(unit_rows_) * round_up(g_.columns, lanes_), 16);
    dy_ = arena.take<Element>(dy_size_ * options.threads);
    if (!staged_) return;
    sample_size_ = input_rows(unit_rows_) * g_.depth;
    x_size_ = round_up(samples_per_unit_ * sample_size_, 16);
    x_ = arena.take<Element>(x_size_ * options.threads);
  }

 private:
  static int64_t elements(int64_t rows) { return ceil_div(rows, Operands::steps); }

  void run_unit(Range samples, Range rows, int part, T* sums) const override {
    const Panels<Element> dy = operands_.pack(  // with a sample in the place of a tap
        {g_.dy + rows.begin * g_.dy_row, g_.dy_batch, g_.dy_row, 1, samples, rows.size(), g_.columns},
        dy_ + part * dy_size_);
    const Input input = input_of(samples, rows, x_ + part * x_size_);
    for (int64_t column = 0; column < g_.columns; column += panel_columns()) {
      const int64_t filled =
          elements(rows.size()) * panel_width(g_.columns, lanes_, column / panel_columns());
      run_panel(input, samples.size(), rows,
                {dy.base + column * samples.size() * elements(rows.size()), dy.segment ? dy.segment : filled},
                column, sums + column * taps_.size() * g_.depth);
    }
  }

  // Input row i of the unit's sample s is at base + s * sample + (i - origin) * row.
  struct Input {
    const Element* base;
    int64_t sample, origin, row;
  };

  Input input_of(Range samples, Range rows, Element* stage) const {
    if constexpr (Operands::steps == 1)
      if (!staged_) return {g_.x + samples.begin * g_.x_batch, g_.x_batch, 0, g_.x_row};
    const int64_t begin = first_input(rows);
    const Range wanted{begin, begin + input_rows(rows.size())};
    for (int64_t s = samples.begin; s < samples.end; ++s)
      operands_.stage(g_, g_.x + s * g_.x_batch, wanted, taps_.size(),
                      stage + (s - samples.begin) * sample_size_);
    return {stage, sample_size_, begin, g_.depth};
  }

  // The sums of one panel are [taps, depth, width]: the rows of its register tiles are depths, and run on
  // over the taps where a window has no gaps.
  void run_panel(const Input& input, int64_t samples, Range rows, const Panels<Element>& dy, int64_t column,
                 T* sums) const {
    const bool joined = g_.dilation * input.row == g_.depth;
    const int64_t groups = joined ? 1 : taps_.size();
    const int64_t group_rows = joined ? taps_.size() * g_.depth : g_.depth;
    const int64_t tiles = ceil_div(group_rows, operands_.tiles.rows);
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
                const Panels<Element>& dy, int64_t column, T* sums) const {
    const Range steps = intersect(rows, rows_in_reach(g_, taps));
    if (steps.empty()) return;
    const int64_t width = panel_width(g_.columns, lanes_, column / panel_columns());
    const int64_t skipped = (steps.begin - rows.begin) / Operands::steps;  // elements of dy
    const int64_t row = (rows.begin + skipped * Operands::steps) * g_.step + g_.first +
                        taps.begin * g_.dilation - input.origin;
    Tile<Element> tile;
    tile.a = input.base + row * input.row + depth;
    tile.a_step = Operands::steps * g_.step * input.row;
    tile.a_segment = input.sample;
    tile.b = dy.base + skipped * width;
    tile.b_segment = dy.segment;
    tile.init = tile.c = sums;
    tile.init_row = tile.c_row = width;
    if constexpr (Operands::steps == 1)
      if (!staged_ && column == 0) tile.next_a = input.base + rows.end * input.row + depth * steps.size();
    tile.segments = samples;
    tile.depth = elements(steps.end - rows.begin) - skipped;
    operands_.tiles.down[count - 1][width / lanes_ - 1](tile);
  }

  const Operands operands_;
  bool staged_ = false;
  int64_t dy_size_ = 0, sample_size_ = 0, x_size_ = 0;
  Element *dy_ = nullptr, *x_ = nullptr;
};

}  // namespace mellow::cpu
