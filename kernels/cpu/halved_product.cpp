// SPDX-License-Identifier: MIT
#include <memory>
#include <optional>
#include <vector>

#include "mellow/kernels/cpu/direct_product.h"
#include "mellow/kernels/cpu/halved_phases.h"
#include "mellow/kernels/cpu/halved_taps.h"

namespace mellow::cpu {
namespace {

class Halves;

// A window product of single samples: direct, or halved once more. Its w is [taps, depth, columns] without
// gaps but for w_tap. pack() is called by all threads of a team, run() by one of them.
class SampleProduct {
 public:
  SampleProduct(const Window<float>& window, const KernelOptions& options, Arena& arena);
  void pack();
  void run(const float* x, float* y, int thread) const;

 private:
  std::optional<DirectProduct<float>> direct_;
  std::shared_ptr<Halves> halves_;  // shared, because it is not complete here
};

class Halves {
 public:
  Halves(const Window<float>& window, const KernelOptions& options, Arena& arena)
      : w_(window), phases_(window), half_(ceil_div(window.rows, 2)) {
    const int64_t even_taps = ceil_div(w_.taps, 2), odd_taps = w_.taps / 2;
    both_ = arena.take<float>(even_taps * matrix());
    zeros_ = arena.take<float>(w_.depth);
    staged_ = round_up(phases_.size(), 16);
    scratch_size_ = 3 * staged_ + round_up(half_ * w_.columns, 16);
    scratch_ = arena.take<float>(scratch_size_ * options.threads);
    for (Window<float>& window_of_part : windows_) window_of_part = phases_.window(w_, even_taps);
    windows_[even].w_tap = windows_[odd].w_tap = 2 * w_.w_tap;
    windows_[even].y_row = windows_[odd].y_row = 2 * w_.y_row;
    windows_[even].accumulate = windows_[odd].accumulate = true;
    windows_[odd].taps = odd_taps;
    windows_[odd].rows = w_.rows / 2;
    windows_[odd].w = w_.w + w_.w_tap;
    windows_[middle].w = both_;
    windows_[middle].w_tap = matrix();
    windows_[middle].y_row = w_.columns;
    windows_[middle].accumulate = false;
    if (w_.accumulate) windows_[middle].bias = nullptr;
    for (const Window<float>& part : windows_) parts_.emplace_back(part, options, arena);
  }

  void pack() {
#pragma omp for schedule(static)
    for (int64_t j = 0; j < w_.taps; j += 2) {
      const float* from = w_.w + j * w_.w_tap;
      float* to = both_ + j / 2 * matrix();
      if (j + 1 < w_.taps)
        add_rows(matrix(), from, from + w_.w_tap, to);
      else
        std::copy_n(from, matrix(), to);
    }
#pragma omp single
    std::fill_n(zeros_, w_.depth, 0.0f);
    for (SampleProduct& part : parts_) part.pack();
  }

  void run(const float* x, float* y, int thread) const {
    float* scratch = scratch_ + thread * scratch_size_;
    float* const staged[] = {scratch, scratch + staged_, scratch + 2 * staged_};
    float* shared = scratch + 3 * staged_;
    fill_phases(w_, phases_, x, zeros_, staged);
    parts_[middle].run(staged[middle], shared, thread);
    spread_rows(w_.rows, w_.columns, shared, w_.accumulate, y, w_.y_row);
    parts_[even].run(staged[even], y, thread);
    parts_[odd].run(staged[odd], y + w_.y_row, thread);
  }

 private:
  enum { even, middle, odd };  // in the order of the phases they read
  int64_t matrix() const { return w_.depth * w_.columns; }

  const Window<float>& w_;
  const Phases phases_;
  const int64_t half_;
  int64_t staged_, scratch_size_;
  float *both_, *zeros_, *scratch_;
  Window<float> windows_[3];
  std::vector<SampleProduct> parts_;
};

SampleProduct::SampleProduct(const Window<float>& window, const KernelOptions& options, Arena& arena) {
  if (halves_pay(window, options))
    halves_ = std::make_shared<Halves>(window, options, arena);
  else
    direct_.emplace(window, options, arena);
}

void SampleProduct::pack() {
  if (halves_)
    halves_->pack();
  else
    direct_->pack();
}

void SampleProduct::run(const float* x, float* y, int thread) const {
  if (halves_)
    halves_->run(x, y, thread);
  else
    direct_->run_sample(x, y, thread);
}

}  // namespace

void halved_product(const Window<float>& window, const KernelOptions& options, Arena& arena) {
  Window<float> w = window;
  auto* dense = arena.take<float>(w.taps * w.depth * w.columns);
  w.w = dense;
  w.w_tap = w.depth * w.columns;
  w.w_depth = w.columns;
  w.w_column = 1;
  SampleProduct product(w, options, arena);
  if (arena.counts()) return;
#pragma omp parallel num_threads(options.threads) if (options.threads > 1)
  {
#pragma omp for schedule(static)
    for (int64_t j = 0; j < w.taps; ++j)
      for (int64_t n = 0; n < w.columns; ++n)
        for (int64_t d = 0; d < w.depth; ++d)
          dense[(j * w.depth + d) * w.columns + n] =
              window.w[j * window.w_tap + d * window.w_depth + n * window.w_column];
    product.pack();
    const int thread = omp_get_thread_num();
    const Range mine = part_of_range(w.batch, thread, omp_get_num_threads());
    for (int64_t b = mine.begin; b < mine.end; ++b)
      product.run(w.x + b * w.x_batch, w.y + b * w.y_batch, thread);
  }
}

}  // namespace mellow::cpu
