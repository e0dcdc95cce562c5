// SPDX-License-Identifier: MIT
// Dropout and MaskSteps: pointwise ops whose factor depends on the place of the element.
#include "mellow/engine/ops/draws.h"
#include "mellow/engine/ops/pointwise.h"
#include "mellow/kernels/cpu/dispatch.h"
#include "mellow/kernels/cpu/elementwise.h"

namespace mellow {
namespace {

// y := x · mask / (1 - drop), or += with `add`; the mask is drawn by element number, so that forward and
// backward agree.
void apply_dropout(const Cpu& cpu, const Dropout& op, const Tensor& x, bool add, const Tensor& y) {
  const cpu::RowWalk from("dropout", x), to("dropout", y);
  const int64_t step = *op.step.data<int64_t>(), width = to.width();
  const float drop = static_cast<float>(op.drop);
  cpu::for_float("dropout", y.dtype(), [&]<class T>() {
    const T kept = static_cast<T>(1 / (1 - op.drop));
    cpu::parallel_for(cpu, to.count(), 1 + 1024 / (width + 1), [&](int64_t begin, int64_t end) {
      RandomWords words{};
      int64_t drawn = -1;  // which four elements `words` belongs to
      for (int64_t r = begin; r < end; ++r) {
        const T* a = x.data<T>() + from.at(r);
        T* b = y.data<T>() + to.at(r);
        for (int64_t c = 0; c < width; ++c) {
          const int64_t element = r * width + c;
          if (element / 4 != drawn) {
            words = dropout_words(op.seed, step, op.site, element);
            drawn = element / 4;
          }
          const T value = dropout_keeps(words, element, drop) ? kept * a[c] : T{0};
          b[c] = add ? b[c] + value : value;
        }
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
  const auto [dx, add] = gradients.target(0);
  apply_dropout(cpu, *this, dy, add, dx);
}

void MaskSteps::forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out) {
  apply_mask(cpu, mask, in[0], false, out);
}
void MaskSteps::backward(Cpu& cpu, const Tensor& dy, Gradients& gradients) {
  const auto [dx, add] = gradients.target(0);
  apply_mask(cpu, mask, dy, add, dx);
}

}  // namespace mellow
