// SPDX-License-Identifier: MIT
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "mellow/kernels/cpu/halved_phases.h"
#include "mellow/kernels/cpu/halved_taps.h"
#include "mellow/kernels/cpu/tile_gradient.h"

namespace mellow::cpu {
namespace {

// Samples worked on together: enough time steps to sum the smallest half in registers, and
// no more than the second-level cache holds.
int64_t samples_together(const WindowGradient<float>& g) {
  constexpr int64_t steps = 1024, bytes = 64 * 1024;
  const int64_t fitting = bytes / (g.rows * g.depth * int64_t(sizeof(float)));
  return std::clamp<int64_t>(std::min(ceil_div(steps, g.rows), fitting), 1, g.batch);
}

class Halves;

// The sums of one thread: of the samples that the gradient it was made for shows at each call of add().
class SampleGradient {
 public:
  SampleGradient(const WindowGradient<float>& gradient, const KernelOptions& options, Arena& arena);
  void clear();
  void add();
  void write();  // into dw, and dbias where there is one

 private:
  const WindowGradient<float>& g_;
  std::optional<TileGradient<float>> direct_;
  std::shared_ptr<Halves> halves_;  // shared, because it is not complete here
};

class Halves {
 public:
  Halves(const WindowGradient<float>& gradient, const KernelOptions& options, Arena& arena)
      : g_(gradient), phases_(gradient), half_(ceil_div(gradient.rows, 2)) {
    const int64_t even_taps = ceil_div(g_.taps, 2), matrix = g_.depth * g_.columns;
    zeros_ = arena.take<float>(g_.depth);
    auto* shared = arena.take<float>(even_taps * matrix);
    sums_ = arena.take<float>(g_.batch * half_ * g_.columns);
    for (int i = 0; i < 3; ++i) {
      staged_[i] = arena.take<float>(g_.batch * phases_.size());
      parts_[i] = phases_.window(g_, even_taps);
      parts_[i].x = staged_[i];
      parts_[i].x_batch = phases_.size();
      parts_[i].dbias = nullptr;
      parts_[i].accumulate = true;
    }
    parts_[even].dy_row = parts_[odd].dy_row = 2 * g_.dy_row;
    parts_[even].w_tap = parts_[odd].w_tap = 2 * g_.w_tap;
    parts_[odd].rows = g_.rows / 2;
    parts_[odd].taps = g_.taps / 2;
    parts_[odd].dw = g_.dw + g_.w_tap;
    WindowGradient<float>& m = parts_[middle];
    m.dy = sums_;
    m.dy_row = g_.columns;
    m.dy_batch = half_ * g_.columns;
    m.dw = shared;
    m.w_tap = matrix;
    m.w_depth = g_.columns;
    m.w_column = 1;
    m.dbias = g_.dbias;  // the sums hold every row of dy once
    m.accumulate = false;
    for (const WindowGradient<float>& part : parts_) products_.emplace_back(part, options, arena);
  }

  void clear() {
    std::fill_n(zeros_, g_.depth, 0.0f);
    for (SampleGradient& product : products_) product.clear();
  }

  void add() {
    for (int64_t b = 0; b < g_.batch; ++b) {
      float* const to[] = {staged_[0] + b * phases_.size(), staged_[1] + b * phases_.size(),
                           staged_[2] + b * phases_.size()};
      fill_phases(g_, phases_, g_.x + b * g_.x_batch, zeros_, to);
      add_row_pairs(g_.rows, g_.columns, g_.dy + b * g_.dy_batch, g_.dy_row, sums_ + b * half_ * g_.columns);
    }
    for (WindowGradient<float>& part : parts_) part.batch = g_.batch;
    parts_[even].dy = g_.dy;
    parts_[odd].dy = g_.dy + g_.dy_row;
    for (SampleGradient& product : products_) product.add();
  }

  void write() {
    products_[middle].write();
    const WindowGradient<float>& m = parts_[middle];
    for (int64_t j = 0; j < g_.taps; ++j)
      for (int64_t d = 0; d < g_.depth; ++d)
        for (int64_t n = 0; n < g_.columns; ++n) {
          float& to = g_.dw[j * g_.w_tap + d * g_.w_depth + n * g_.w_column];
          const float v = m.dw[j / 2 * m.w_tap + d * m.w_depth + n];
          to = g_.accumulate ? to + v : v;
        }
    products_[even].write();
    products_[odd].write();
  }

 private:
  enum { even, middle, odd };  // in the order of the phases they read

  const WindowGradient<float>& g_;
  const Phases phases_;
  const int64_t half_;
  float *zeros_, *sums_, *staged_[3];
  WindowGradient<float> parts_[3];
  std::vector<SampleGradient> products_;
};

SampleGradient::SampleGradient(const WindowGradient<float>& gradient, const KernelOptions& options,
                               Arena& arena)
    : g_(gradient) {
  if (halves_pay(gradient, options))
    halves_ = std::make_shared<Halves>(gradient, options, arena);
  else
    direct_.emplace(gradient, options, arena);
}

void SampleGradient::clear() {
  if (halves_)
    halves_->clear();
  else
    direct_->clear(0);
}

void SampleGradient::add() {
  if (halves_)
    halves_->add();
  else
    direct_->add(0);
}

void SampleGradient::write() {
  if (halves_) return halves_->write();
  for (int64_t n = 0; n < g_.columns; ++n) direct_->write_column(n);
}

// What one thread sums: its samples' part of dw [taps, depth, columns] and dbias.
struct Share {
  WindowGradient<float> g;
  std::optional<SampleGradient> product;

  Share(const WindowGradient<float>& whole, const KernelOptions& options, Arena& arena) : g(whole) {
    g.batch = samples_together(whole);
    g.dw = arena.take<float>(g.taps * g.depth * g.columns);
    g.w_tap = g.depth * g.columns;
    g.w_depth = g.columns;
    g.w_column = 1;
    auto* bias = arena.take<float>(g.columns);
    if (whole.dbias != nullptr) g.dbias = bias;
    g.accumulate = false;
    product.emplace(g, options, arena);
  }
  Share(const Share&) = delete;  // the product refers to g
  Share& operator=(const Share&) = delete;

  void sum(const WindowGradient<float>& whole, Range samples) {
    product->clear();
    const int64_t together = g.batch;
    for (int64_t b = samples.begin; b < samples.end; b += together) {
      g.batch = std::min(together, samples.end - b);
      g.x = whole.x + b * whole.x_batch;
      g.dy = whole.dy + b * whole.dy_batch;
      product->add();
    }
    product->write();
  }
};

// The shares' sums in order, so that the result does not depend on timing.
void join(const WindowGradient<float>& whole, const std::list<Share>& shares, int64_t tap) {
  for (int64_t d = 0; d < whole.depth; ++d)
    for (int64_t n = 0; n < whole.columns; ++n) {
      float total = 0;
      for (const Share& share : shares) total += share.g.dw[(tap * whole.depth + d) * whole.columns + n];
      float& to = whole.dw[tap * whole.w_tap + d * whole.w_depth + n * whole.w_column];
      to = whole.accumulate ? to + total : total;
    }
}

}  // namespace

void halved_gradient(const WindowGradient<float>& whole, const KernelOptions& options, Arena& arena) {
  KernelOptions alone = options;
  alone.threads = 1;
  std::list<Share> shares;
  for (int i = 0; i < options.threads; ++i) shares.emplace_back(whole, alone, arena);
  if (arena.counts()) return;
#pragma omp parallel num_threads(options.threads) if (options.threads > 1)
  {
#pragma omp for schedule(static)
    for (int i = 0; i < options.threads; ++i)
      std::next(shares.begin(), i)->sum(whole, part_of_range(whole.batch, i, options.threads));
#pragma omp for schedule(static)
    for (int64_t j = 0; j < whole.taps; ++j) join(whole, shares, j);
  }
  for (int64_t n = 0; whole.dbias != nullptr && n < whole.columns; ++n) {
    float total = 0;
    for (const Share& share : shares) total += share.g.dbias[n];
    whole.dbias[n] = whole.accumulate ? whole.dbias[n] + total : total;
  }
}

}  // namespace mellow::cpu
