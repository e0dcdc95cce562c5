// SPDX-License-Identifier: MIT
// Stands in for the units that call cuDNN, cuBLAS and CUB. cuDNN has no plan for anything unless a test asks
// for it, so that convolutions run on mellow's own kernels; device memory is host memory, so that the CPU can
// multiply and sort.
#include <algorithm>
#include <map>
#include <numeric>
#include <vector>

#include "mellow/engine/ops/matmul.h"
#include "mellow/kernels/cuda/cudnn_plan.h"
#include "mellow/kernels/cuda/sort.h"
#include "mellow/tests/cuda_emulation/emulator.h"

namespace mellow {

emulation::FakeCudnn emulation::cudnn;

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

class CudnnPlan {
 public:
  explicit CudnnPlan(const ConvKey& k) : key(k) {}
  ConvKey key;
};

const CudnnPlan* plan_for(Cuda&, const ConvKey& key) {
  static std::map<ConvKey, CudnnPlan> plans;
  if (!emulation::cudnn.has_plans || key.bf16) return nullptr;
  return &plans.try_emplace(key, key).first->second;
}

size_t cudnn_version() { return 0; }

void run(Cuda& cuda, const CudnnPlan& plan, const void* x, const void* w, const void* y) {
  const ConvKey& k = plan.key;
  const ConvSizes& s = k.sizes;
  auto plane = [](const void* data, int64_t items, int64_t steps, int64_t channels, const ConvLayout& l) {
    return Plane{
        static_cast<float*>(const_cast<void*>(data)), items, steps, channels, l.item_stride, l.step_stride};
  };
  const float before = emulation::clock;
  conv1d_direct(cuda, {k.pass, s, plane(x, s.batch, s.length, s.in_channels, k.x),
                       plane(w, s.out_channels, s.width, s.group_inputs(), k.w),
                       plane(y, s.batch, s.out_length, s.out_channels, k.y), k.add});
  emulation::clock = before + emulation::cudnn.milliseconds;
  ++emulation::cudnn.runs;
}

void sort_by_key(Cuda&, uint64_t* keys, const int32_t* values, int32_t* sorted, int64_t n) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return keys[a] < keys[b]; });
  std::transform(order.begin(), order.end(), sorted, [&](int64_t i) { return values[i]; });
}

}  // namespace cuda
}  // namespace mellow
