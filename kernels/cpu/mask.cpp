// SPDX-License-Identifier: MIT
// Dropout and MaskSteps: pointwise ops whose factor depends on the place of the element.
#include "mellow/engine/ops/draws.h"
#include "mellow/engine/ops/pointwise.h"
#include "mellow/kernels/cpu/dispatch.h"
#include "mellow/kernels/cpu/elementwise.h"

namespace mellow {
namespace {

// The words of groups of four elements, from group `first` on: a loop that the compiler vectorises.
MELLOW_CLONES void draw_words(int64_t groups, int64_t first, uint64_t seed, int64_t step, uint32_t site,
                              uint32_t* words) {
  for (int64_t g = 0; g < groups; ++g) {
    const RandomWords four = dropout_words(seed, step, site, 4 * (first + g));
    for (size_t k = 0; k < 4; ++k) words[4 * static_cast<size_t>(g) + k] = four[k];
  }
}

template <class T>
MELLOW_CLONES void drop_range(int64_t n, const uint32_t* words, float drop, T kept, const T* x, bool add,
                              T* y) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    const T value = dropout_keeps(words[i], drop) ? kept * x[i] : T{0};
    y[i] = add ? y[i] + value : value;
  }
}

// y := x · mask / (1 - drop), or += with `add`; the mask is drawn by element number, so that forward and
// backward agree.
void apply_dropout(const Cpu& cpu, const Dropout& op, const Tensor& x, bool add, const Tensor& y) {
  constexpr int64_t block = 1024;  // elements drawn at once
  const bool flat = x.is_contiguous() && y.is_contiguous();
  const cpu::RowWalk from("dropout", x), to("dropout", y);
  const int64_t step = *op.step.data<int64_t>();
  const int64_t width = flat ? y.count() : to.width(), rows = flat ? 1 : to.count();
  const int64_t blocks = (width + block - 1) / block;  // of each row
  const float drop = static_cast<float>(op.drop);
  cpu::for_float("dropout", y.dtype(), [&]<class T>() {
    const T kept = static_cast<T>(1 / (1 - op.drop));
    cpu::parallel_for(cpu, rows * blocks, 1 + block / (width + 1), [&](int64_t begin, int64_t end) {
      uint32_t words[block + 8];  // a block may begin and end inside a group
      for (int64_t i = begin; i < end; ++i) {
        const int64_t row = i / blocks, column = i % blocks * block, n = std::min(block, width - column);
        const int64_t element = row * width + column, first = element / 4;
        draw_words((element + n - 1) / 4 - first + 1, first, op.seed, step, op.site, words);
        drop_range(n, static_cast<const uint32_t*>(words + element % 4), drop, kept,
                   static_cast<const T*>(x.data<T>() + (flat ? 0 : from.at(row)) + column), add,
                   y.data<T>() + (flat ? 0 : to.at(row)) + column);
      }
    });
  });
}

// y := x where the step's mask is not 0, else 0; or += with `add`.
void apply_mask(const Cpu& cpu, const Tensor& mask, const Tensor& x, bool add, const Tensor& y) {
  const cpu::RowWalk from("mask_steps", x), to("mask_steps", y);
  const int64_t width = to.width();
  MELLOW_CHECK(mask.is_contiguous(), "[mask_steps] the mask ", mask.shape(), " must be contiguous");
  const uint8_t* keeps = mask.data<uint8_t>();
  cpu::for_float("mask_steps", y.dtype(), [&]<class T>() {
    cpu::parallel_for(cpu, to.count(), 1 + cpu::elementwise_grain / (width + 1),
                      [&](int64_t begin, int64_t end) {
                        for (int64_t r = begin; r < end; ++r) {
                          const bool keep = keeps[r] != 0;
                          cpu::map_range(
                              width, [keep](T v) { return keep ? v : T{0}; }, add, y.data<T>() + to.at(r),
                              static_cast<const T*>(x.data<T>() + from.at(r)));
                        }
                      });
  });
}

}  // namespace

void Dropout::forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out) {
  apply_dropout(cpu, *this, in[0], false, out);
}
void Dropout::backward(Cpu& cpu, const Tensor& dy, Gradients& gradients) {
  const auto [dx, add] = gradients.reuse(0, dy);
  apply_dropout(cpu, *this, dy, add, dx);
}

void MaskSteps::forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out) {
  apply_mask(cpu, mask, in[0], false, out);
}
void MaskSteps::backward(Cpu& cpu, const Tensor& dy, Gradients& gradients) {
  const auto [dx, add] = gradients.reuse(0, dy);
  apply_mask(cpu, mask, dy, add, dx);
}

}  // namespace mellow
