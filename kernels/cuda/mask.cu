// SPDX-License-Identifier: MIT
// Dropout and MaskSteps: pointwise ops whose factor depends on the place of the element.
#include "mellow/engine/ops/draws.h"
#include "mellow/engine/ops/pointwise.h"
#include "mellow/kernels/cuda/elementwise.cuh"

namespace mellow {
namespace {

constexpr int per_draw = 4;  // elements that share one Philox call

struct DropoutDraw {
  uint64_t seed;
  const int64_t* step;  // [1]
  uint32_t site;
  float drop, factor;  // factor = 1 / (1 - drop)
};

// One thread per four elements: y (+)= x · mask · factor, n elements in all.
__global__ void dropout_kernel(int64_t, int64_t n, cuda::Reading x, cuda::Writing y, DropoutDraw d) {
  const int64_t first = cuda::thread_index() * per_draw;
  if (first >= n) return;
  const RandomWords words = dropout_words(d.seed, *d.step, d.site, first);
#pragma unroll  // constant indices keep the words in registers
  for (int k = 0; k < per_draw; ++k)
    if (first + k < n)
      y.put(first + k, dropout_keeps(words[static_cast<size_t>(k)], d.drop) ? d.factor * x[first + k] : 0.0f);
}

// One thread per element of x [steps, channels]; mask [steps].
__global__ void mask_steps_kernel(int64_t n, cuda::Reading x, cuda::Writing y, const uint8_t* mask,
                                  int64_t channels) {
  const int64_t i = cuda::thread_index();
  if (i < n) y.put(i, mask[cuda::divide(i, channels)] != 0 ? x[i] : 0.0f);
}

void apply_dropout(Cuda& cuda, const Dropout& op, const Tensor& x, const Tensor& y, bool add) {
  const int64_t n = y.count();
  cuda::launch_1d(cuda, dropout_kernel, (n + per_draw - 1) / per_draw, n, cuda::Reading("dropout", x),
                  cuda::Writing("dropout", y, add),
                  DropoutDraw{op.seed, op.step.data<int64_t>(), op.site, static_cast<float>(op.drop),
                              static_cast<float>(1 / (1 - op.drop))});
}

void apply_mask(Cuda& cuda, const Tensor& mask, const Tensor& x, const Tensor& y, bool add) {
  MELLOW_CHECK(mask.is_contiguous(), "[mask_steps] the mask ", mask.shape(), " must be contiguous");
  cuda::launch_1d(cuda, mask_steps_kernel, y.count(), cuda::Reading("mask_steps", x),
                  cuda::Writing("mask_steps", y, add), mask.data<uint8_t>(), x.dim(-1));
}

}  // namespace

void Dropout::forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out) {
  apply_dropout(cuda, *this, in[0], out, false);
}
void Dropout::backward(Cuda& cuda, const Tensor& dy, Gradients& gradients) {
  const auto [dx, add] = gradients.reuse(0, dy);
  apply_dropout(cuda, *this, dy, dx, add);
}

void MaskSteps::forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out) {
  apply_mask(cuda, mask, in[0], out, false);
}
void MaskSteps::backward(Cuda& cuda, const Tensor& dy, Gradients& gradients) {
  const auto [dx, add] = gradients.reuse(0, dy);
  apply_mask(cuda, mask, dy, dx, add);
}

}  // namespace mellow
