// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/cast.h"

#include "mellow/kernels/cpu/bf16.h"
#include "mellow/kernels/cpu/clones.h"
#include "mellow/kernels/cpu/elementwise.h"

namespace mellow {
namespace {

MELLOW_CLONES void convert(int64_t n, const float* from, bfloat16* to) {
  for (int64_t i = 0; i < n; ++i) to[i].bits = cpu::to_bf16(from[i]);
}
MELLOW_CLONES void convert(int64_t n, const bfloat16* from, float* to) {
  for (int64_t i = 0; i < n; ++i) to[i] = cpu::from_bf16(from[i].bits);
}
MELLOW_CLONES void convert(int64_t n, const float* from, double* to) {
  for (int64_t i = 0; i < n; ++i) to[i] = from[i];
}
MELLOW_CLONES void convert(int64_t n, const double* from, float* to) {
  for (int64_t i = 0; i < n; ++i) to[i] = static_cast<float>(from[i]);
}

template <class From, class To>
void convert_all(const Cpu& cpu, const Tensor& x, const Tensor& y) {
  cpu::parallel_for(cpu, y.count(), cpu::elementwise_grain, [&](int64_t begin, int64_t end) {
    convert(end - begin, x.data<From>() + begin, y.data<To>() + begin);
  });
}

void cast_to(const Cpu& cpu, const Tensor& x, const Tensor& y) {
  if (x.dtype() == DType::bf16) return convert_all<bfloat16, float>(cpu, x, y);
  if (x.dtype() == DType::f64) return convert_all<double, float>(cpu, x, y);
  if (y.dtype() == DType::bf16) return convert_all<float, bfloat16>(cpu, x, y);
  convert_all<float, double>(cpu, x, y);
}

}  // namespace

void Cast::forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out) { cast_to(cpu, in[0], out); }

void Cast::backward(Cpu& cpu, const Tensor& dy, Gradients& gradients) {
  if (gradients.wanted(0)) cast_to(cpu, dy, gradients.fresh(0));
}

}  // namespace mellow
