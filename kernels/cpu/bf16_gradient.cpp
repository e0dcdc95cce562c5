// SPDX-License-Identifier: MIT
#include <algorithm>

#include "mellow/kernels/cpu/bf16_product.h"
#include "mellow/kernels/cpu/gradient_sums.h"
#include "mellow/kernels/cpu/staging.h"

namespace mellow::cpu {
namespace {

constexpr int64_t tile_rows = 2 * bf16_rows;
constexpr int64_t steps_per_unit = 512;

// The depth of the tiles is time, so the input is staged with time running along memory: for each sample
// [step phases, depth, pitch], where phase p holds every step-th input row from row p of the unit on. A tap
// is then a shift along memory. The samples of a unit are the segments. The rows of a tile are depths of one
// tap, or, for few channels, neighbouring taps of one channel: rows that overlap in memory, one element
// apart.
class Bf16Gradient final : public GradientSums<float> {
 public:
  Bf16Gradient(const WindowGradient<float>& gradient, const KernelOptions& options,
               const Bf16Kernels& kernels, Arena& arena)
      : GradientSums(gradient, options, bf16_columns, steps_per_unit, arena),
        kernels_(kernels),
        terms_(terms_of(options.precision)),
        rows_are_taps_(g_.depth < bf16_rows && g_.step == 1 && g_.dilation == 1) {
    const bool has_low = options.precision == Precision::bf16x3;
    pitch_ = ceil_div(input_rows(unit_rows_), g_.step) + bf16_depth;
    x_size_ = round_up((samples_per_unit_ * g_.step * g_.depth + tile_rows) * pitch_, 32);
    dy_size_ = samples_per_unit_ * round_up(unit_rows_, bf16_depth) * round_up(g_.columns, bf16_columns);
    x_high_ = arena.take<uint16_t>(x_size_ * options.threads);
    dy_high_ = arena.take<uint16_t>(dy_size_ * options.threads);
    if (has_low) x_low_ = arena.take<uint16_t>(x_size_ * options.threads);
    if (has_low) dy_low_ = arena.take<uint16_t>(dy_size_ * options.threads);
  }

 private:
  // One unit's staged operands and the sums it adds to.
  struct Unit {
    Range samples, rows;
    int64_t chunks;  // of dy, per sample
    uint16_t *x_high, *x_low, *dy_high, *dy_low;
    float* sums;
  };

  void begin_thread() const override { kernels_.configure(); }
  void end_thread() const override { kernels_.release(); }

  void run_unit(Range samples, Range rows, int part, float* sums) const override {
    const Unit unit{samples,
                    rows,
                    ceil_div(rows.size(), bf16_depth),
                    x_high_ + part * x_size_,
                    x_low_ ? x_low_ + part * x_size_ : nullptr,
                    dy_high_ + part * dy_size_,
                    dy_low_ ? dy_low_ + part * dy_size_ : nullptr,
                    sums};
    if (rows.empty() || taps_.empty()) return;
    stage_input(unit);
    pack_dy(unit);
    for (int64_t column = 0; column < g_.columns; column += panel_columns()) {
      if (rows_are_taps_) {
        for (int64_t d = 0; d < g_.depth; ++d)
          for (int64_t j = taps_.begin; j < taps_.end; j += tile_rows)
            run_tile(unit, {j, std::min(taps_.end, j + tile_rows)}, {d, d + 1}, column);
      } else {
        for (int64_t j = taps_.begin; j < taps_.end; ++j)
          for (int64_t d = 0; d < g_.depth; d += tile_rows)
            run_tile(unit, {j, j + 1}, {d, std::min(g_.depth, d + tile_rows)}, column);
      }
    }
  }

  void stage_input(const Unit& unit) const {
    const int64_t begin = first_input(unit.rows), end = begin + input_rows(unit.rows.size());
    std::fill_n(unit.x_high, x_size_, uint16_t(0));
    if (unit.x_low) std::fill_n(unit.x_low, x_size_, uint16_t(0));
    for (int64_t s = unit.samples.begin; s < unit.samples.end; ++s) {
      for (int64_t phase = 0; phase < g_.step; ++phase) {
        // Positions q whose input row begin + phase + q * step lies within the unit and the series.
        const int64_t from = std::max<int64_t>(0, -floor_div(begin + phase, g_.step));
        const int64_t to = floor_div(std::min(end, g_.length) - 1 - begin - phase, g_.step) + 1;
        if (to <= from) continue;
        const int64_t at = ((s - unit.samples.begin) * g_.step + phase) * g_.depth * pitch_ + from;
        kernels_.transpose(g_.x + s * g_.x_batch + (begin + phase + from * g_.step) * g_.x_row,
                           g_.x_row * g_.step, to - from, g_.depth, unit.x_high + at,
                           unit.x_low ? unit.x_low + at : nullptr, pitch_);
      }
    }
  }

  // Panels [samples, chunks, column tiles].
  void pack_dy(const Unit& unit) const {
    for (int64_t column = 0; column < g_.columns; column += panel_columns()) {
      const int64_t width = panel_width(g_.columns, lanes_, column / panel_columns());
      for (int64_t i = 0; i < unit.samples.size(); ++i) {
        const int64_t at = (column * unit.samples.size() + i * width) * unit.chunks * bf16_depth;
        const float* dy =
            g_.dy + (unit.samples.begin + i) * g_.dy_batch + unit.rows.begin * g_.dy_row + column;
        kernels_.pack(dy, g_.dy_row, unit.rows.size(), std::min(width, g_.columns - column),
                      unit.dy_high + at, unit.dy_low ? unit.dy_low + at : nullptr);
      }
    }
  }

  // The sums of `taps` × `depths` (one of them a single one) × the panel at `column`.
  void run_tile(const Unit& unit, Range taps, Range depths, int64_t column) const {
    const Range reach = intersect(unit.rows, rows_in_reach(g_, taps));
    if (reach.empty()) return;
    const Range chunks{(reach.begin - unit.rows.begin) / bf16_depth,
                       ceil_div(reach.end - unit.rows.begin, bf16_depth)};
    const int64_t width = panel_width(g_.columns, lanes_, column / panel_columns());
    const int64_t tap = taps.begin - taps_.begin, shift = tap * g_.dilation;
    const int64_t a =
        (shift % g_.step * g_.depth + depths.begin) * pitch_ + shift / g_.step + chunks.begin * bf16_depth;
    const int64_t b = (column * unit.samples.size() * unit.chunks + chunks.begin * width) * bf16_depth;
    Bf16Tile tile;
    tile.terms = terms_.count;
    for (int i = 0; i < terms_.count; ++i) {
      tile.a[i] = (terms_.term[i].a == Part::low ? unit.x_low : unit.x_high) + a;
      tile.b[i] = (terms_.term[i].b == Part::low ? unit.dy_low : unit.dy_high) + b;
    }
    tile.a_step = rows_are_taps_ ? 1 : pitch_;
    tile.a_segment = g_.step * g_.depth * pitch_;
    tile.b_segment = unit.chunks * bf16_depth * width;
    tile.segments = unit.samples.size();
    tile.chunks = chunks.size();
    tile.c = unit.sums + column * taps_.size() * g_.depth + (tap * g_.depth + depths.begin) * width;
    tile.c_row = rows_are_taps_ ? g_.depth * width : width;
    tile.init = tile.c;
    tile.init_row = tile.c_row;
    tile.rows = static_cast<int>(rows_are_taps_ ? taps.size() : depths.size());
    tile.columns = static_cast<int>(width);
    kernels_.multiply[tile.rows > bf16_rows][width > bf16_columns](tile);
  }

  const Bf16Kernels& kernels_;
  const Terms terms_;
  const bool rows_are_taps_;
  int64_t pitch_ = 0, x_size_ = 0, dy_size_ = 0;
  uint16_t *x_high_ = nullptr, *x_low_ = nullptr, *dy_high_ = nullptr, *dy_low_ = nullptr;
};

}  // namespace

void window_gradient_bf16(const WindowGradient<float>& gradient, const KernelOptions& options,
                          const Bf16Kernels& kernels, Arena& arena) {
  Bf16Gradient sum(gradient, options, kernels, arena);
  if (!arena.counts()) sum.run();
}

}  // namespace mellow::cpu
