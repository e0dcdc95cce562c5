// SPDX-License-Identifier: MIT
// Stands in for the units that call cuDNN, cuBLAS and CUB. cuDNN has no plan for anything, so that
// convolutions run on mellow's own kernels; device memory is host memory, so that the CPU can multiply and
// sort.
#include <algorithm>
#include <numeric>
#include <vector>

#include "mellow/engine/ops/matmul.h"
#include "mellow/kernels/cuda/cudnn_plan.h"
#include "mellow/kernels/cuda/sort.h"

namespace mellow {
namespace {

Cpu& cpu() {
  static Cpu cpu({.threads = 1});
  return cpu;
}

}  // namespace

void matmul_into(Cuda&, const Tensor& a, bool transpose_a, const Tensor& b, bool transpose_b, const Tensor& c,
                 bool add) {
  matmul_into(cpu(), a, transpose_a, b, transpose_b, c, add);
}
void Matmul::forward(Cuda&, std::span<const Tensor> in, const Tensor& out) { forward(cpu(), in, out); }
void Matmul::backward(Cuda&, const Tensor& dy, Gradients& gradients) { backward(cpu(), dy, gradients); }
void Linear::forward(Cuda&, std::span<const Tensor> in, const Tensor& out) { forward(cpu(), in, out); }
void Linear::backward(Cuda&, const Tensor& dy, Gradients& gradients) { backward(cpu(), dy, gradients); }

namespace cuda {

const CudnnPlan* plan_for(Cuda&, const ConvKey&) { return nullptr; }
void run(Cuda&, const CudnnPlan&, const void*, const void*, const void*) {}

void sort_by_key(Cuda&, uint64_t* keys, const int32_t* values, int32_t* sorted, int64_t n) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return keys[a] < keys[b]; });
  std::transform(order.begin(), order.end(), sorted, [&](int64_t i) { return values[i]; });
}

}  // namespace cuda
}  // namespace mellow
