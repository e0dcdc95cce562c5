// SPDX-License-Identifier: MIT
#include "mellow/kernels/cpu/bf16_product.h"

#include <algorithm>

#include <omp.h>

#include "mellow/kernels/cpu/staging.h"

namespace mellow::cpu {
namespace {

constexpr int64_t tile_rows = 2 * bf16_rows, panel_columns = 2 * bf16_columns;
// Bytes of bf16 input that one unit of work reads; it stays in the second-level cache for all panels of w.
constexpr int64_t unit_bytes = 128 * 1024;

// A sample's rows are rounded to bf16 side by side into a buffer, where windows of dilation 1 are contiguous:
// such a window is one segment, any other one segment per tap. Segments are padded to whole tiles by zeros in
// w.
class Bf16Product {
 public:
  Bf16Product(const Window<float>& window, const KernelOptions& options, const Bf16Kernels& kernels,
              Arena& arena)
      : w_(window),
        options_(options),
        kernels_(kernels),
        terms_(terms_of(options.precision)),
        taps_(taps_in_reach(w_, {0, w_.rows})) {
    joined_ = w_.dilation == 1 || taps_.size() <= 1;
    segments_ = joined_ ? 1 : taps_.size();
    segment_depth_ = joined_ ? taps_.size() * w_.depth : w_.depth;
    chunks_ = ceil_div(segment_depth_, bf16_depth);
    choose_units();
    const int64_t columns = round_up(w_.columns, bf16_columns);
    w_size_ = segments_ * chunks_ * bf16_depth * columns;
    stage_size_ = round_up(input_rows(round_up(unit_rows_, tile_rows)) * w_.depth + bf16_depth, 32);
    whole_ = arena.take<float>(taps_.size() * w_.depth * columns);
    bias_ = arena.take<float>(columns);
    const bool has_low = options.precision == Precision::bf16x3;
    high_ = arena.take<uint16_t>(w_size_);
    stage_high_ = arena.take<uint16_t>(stage_size_ * options.threads);
    if (has_low) low_ = arena.take<uint16_t>(w_size_);
    if (has_low) stage_low_ = arena.take<uint16_t>(stage_size_ * options.threads);
  }

  void run() {
    if (w_.batch == 0 || w_.rows == 0 || w_.columns == 0) return;
    const int64_t units = w_.batch * units_per_sample_;
#pragma omp parallel num_threads(options_.threads) if (options_.threads > 1)
    {
      pack();
      kernels_.configure();
      const int thread = omp_get_thread_num();
      const Range mine = part_of_range(units, thread, omp_get_num_threads());
      for (int64_t u = mine.begin; u < mine.end; ++u)
        run_unit(u / units_per_sample_, part_of_range(w_.rows, u % units_per_sample_, units_per_sample_),
                 stage_high_ + thread * stage_size_, low_ ? stage_low_ + thread * stage_size_ : nullptr);
      kernels_.release();
    }
  }

 private:
  void choose_units() {
    const int64_t halo = (taps_.size() - 1) * w_.dilation;
    int64_t rows =
        std::max({unit_bytes / std::max<int64_t>(2 * w_.depth * w_.step, 1), halo / 2, 4 * tile_rows});
    if (w_.batch < 4 * options_.threads)
      rows = std::min(rows, std::max(tile_rows, w_.batch * w_.rows / (4 * options_.threads)));
    units_per_sample_ = std::max<int64_t>(1, ceil_div(w_.rows, rows));
    unit_rows_ = ceil_div(w_.rows, units_per_sample_);
  }

  int64_t input_rows(int64_t rows) const {
    return rows == 0 || taps_.empty() ? 0 : (rows - 1) * w_.step + (taps_.size() - 1) * w_.dilation + 1;
  }

  // Called by all threads of the team.
  void pack() {
    const PanelSource<float> source{w_.w, w_.w_tap, w_.w_depth, w_.w_column, taps_, w_.depth, w_.columns};
    const int64_t blocks = packing_blocks(source, bf16_columns), panels = ceil_div(w_.columns, panel_columns);
#pragma omp single nowait
    {
      std::fill_n(bias_, round_up(w_.columns, bf16_columns), 0.0f);
      if (w_.bias) std::copy_n(w_.bias, w_.columns, bias_);
    }
#pragma omp for schedule(static)
    for (int64_t i = 0; i < blocks; ++i) pack_block(source, bf16_columns, false, i, whole_);
#pragma omp for schedule(static)
    for (int64_t i = 0; i < panels * segments_; ++i) {
      const int64_t p = i / segments_, s = i % segments_, width = panel_width(w_.columns, bf16_columns, p);
      const float* from = whole_ + p * panel_columns * taps_.size() * w_.depth + s * segment_depth_ * width;
      const int64_t to = packed_panel(p) + s * chunks_ * bf16_depth * width;
      kernels_.pack(from, width, segment_depth_, width, high_ + to, low_ ? low_ + to : nullptr);
    }
  }

  int64_t packed_panel(int64_t p) const { return p * panel_columns * segments_ * chunks_ * bf16_depth; }

  void run_unit(int64_t sample, Range rows, uint16_t* high, uint16_t* low) const {
    stage(w_.x + sample * w_.x_batch, rows, high, low);
    float* y = w_.y + sample * w_.y_batch;
    for (int64_t column = 0; column < w_.columns; column += panel_columns)
      for (int64_t r = rows.begin; r < rows.end; r += tile_rows)
        run_tile({r, std::min(rows.end, r + tile_rows)}, (r - rows.begin) * w_.step * w_.depth, column, high,
                 low, y);
  }

  // Input rows for `rows` rounded up to whole tiles, zero outside the series, and zeros for the last window's
  // padding.
  void stage(const float* x, Range rows, uint16_t* high, uint16_t* low) const {
    const int64_t begin = rows.begin * w_.step + w_.first + taps_.begin * w_.dilation;
    const int64_t count = input_rows(round_up(rows.size(), bf16_rows));
    const Range inside = intersect({begin, begin + count}, {0, w_.length});
    std::fill_n(high, count * w_.depth + bf16_depth, uint16_t(0));
    if (low) std::fill_n(low, count * w_.depth + bf16_depth, uint16_t(0));
    if (inside.empty()) return;
    const int64_t at = (inside.begin - begin) * w_.depth;
    uint16_t* to_low = low ? low + at : nullptr;
    if (w_.x_transposed)
      return kernels_.transpose(x + inside.begin, w_.x_row, w_.depth, inside.size(), high + at, to_low,
                                w_.depth);
    if (w_.x_row == w_.depth)
      return kernels_.convert(x + inside.begin * w_.x_row, inside.size() * w_.depth, high + at, to_low);
    for (int64_t i = 0; i < inside.size(); ++i)
      kernels_.convert(x + (inside.begin + i) * w_.x_row, w_.depth, high + at + i * w_.depth,
                       low ? to_low + i * w_.depth : nullptr);
  }

  // Up to 32 rows × 32 columns, over the taps that reach the series. `at` is where their first window is
  // staged.
  void run_tile(Range rows, int64_t at, int64_t column, const uint16_t* high, const uint16_t* low,
                float* y) const {
    const Range reach = taps_in_reach(w_, rows);
    const Range taps{reach.begin - taps_.begin, reach.end - taps_.begin};
    if (reach.empty() && w_.accumulate) return;
    const int64_t p = column / panel_columns, width = panel_width(w_.columns, bf16_columns, p);
    Bf16Tile tile;
    int64_t a = at, b = packed_panel(p);
    tile.segments = reach.empty() ? 0 : joined_ ? 1 : taps.size();
    tile.chunks = chunks_;
    if (joined_ && !reach.empty()) {
      const int64_t first = taps.begin * w_.depth / bf16_depth;
      tile.chunks = ceil_div(taps.end * w_.depth, bf16_depth) - first;
      a += first * bf16_depth;
      b += first * bf16_depth * width;
    } else if (!reach.empty()) {
      a += taps.begin * w_.dilation * w_.depth;
      b += taps.begin * chunks_ * bf16_depth * width;
    }
    tile.terms = terms_.count;
    for (int i = 0; i < terms_.count; ++i) {
      tile.a[i] = (terms_.term[i].a == Part::low ? low : high) + a;
      tile.b[i] = (terms_.term[i].b == Part::low ? low_ : high_) + b;
    }
    tile.a_step = w_.step * w_.depth;
    tile.a_segment = w_.dilation * w_.depth;
    tile.b_segment = chunks_ * bf16_depth * width;
    tile.c = y + rows.begin * w_.y_row + column;
    tile.c_row = w_.y_row;
    tile.init = w_.accumulate ? tile.c : bias_ + column;
    tile.init_row = w_.accumulate ? w_.y_row : 0;
    tile.rows = static_cast<int>(rows.size());
    tile.columns = static_cast<int>(std::min(width, w_.columns - column));
    kernels_.multiply[tile.rows > bf16_rows][width > bf16_columns](tile);
  }

  const Window<float>& w_;
  const KernelOptions& options_;
  const Bf16Kernels& kernels_;
  const Terms terms_;
  const Range taps_;  // those that reach the series from any row
  bool joined_ = false;
  int64_t segments_ = 0, segment_depth_ = 0, chunks_ = 0;
  int64_t units_per_sample_ = 1, unit_rows_ = 0, w_size_ = 0, stage_size_ = 0;
  float *whole_ = nullptr, *bias_ = nullptr;
  uint16_t *high_ = nullptr, *low_ = nullptr, *stage_high_ = nullptr, *stage_low_ = nullptr;
};

}  // namespace

void window_product_bf16(const Window<float>& window, const KernelOptions& options,
                         const Bf16Kernels& kernels, Arena& arena) {
  Bf16Product product(window, options, kernels, arena);
  if (!arena.counts()) product.run();
}

}  // namespace mellow::cpu
