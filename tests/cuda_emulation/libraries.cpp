// SPDX-License-Identifier: MIT
// Stands in for the units that call cuDNN and CUB. cuDNN has no plan for anything unless a test asks for it, so
// that convolutions run on mellow's own kernels; device memory is host memory, so that the host can sort.
#include <algorithm>
#include <map>
#include <memory>
#include <numeric>
#include <vector>

#include "mellow/kernels/cuda/cudnn_plan.h"
#include "mellow/kernels/cuda/sort.h"
#include "mellow/kernels/cuda/state.h"
#include "mellow/tests/cuda_emulation/emulator.h"
#include "mellow/tests/cuda_emulation/runtime.h"

namespace mellow {

emulation::FakeCudnn emulation::cudnn;

namespace cuda {

struct CudnnState {};

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
  const auto set_clock = [&](auto set) { CUDA_CHECK(emulation::enqueue(cuda.state().stream, set)); };
  const auto before = std::make_shared<float>();
  set_clock([=] { *before = emulation::clock; });
  conv1d_direct(cuda, {k.pass, s, plane(x, s.batch, s.length, s.in_channels, k.x),
                       plane(w, s.out_channels, s.width, s.group_inputs(), k.w),
                       plane(y, s.batch, s.out_length, s.out_channels, k.y), k.add});
  set_clock([=, spent = emulation::cudnn.milliseconds] { emulation::clock = *before + spent; });
  ++emulation::cudnn.runs;
}

void sort_by_key(Cuda& cuda, uint64_t* keys, const int32_t* values, int32_t* sorted, int64_t n) {
  CUDA_CHECK(emulation::enqueue(cuda.state().stream, [=] {
    std::vector<int64_t> order(static_cast<size_t>(n));
    std::iota(order.begin(), order.end(), int64_t{0});
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return keys[a] < keys[b]; });
    std::transform(order.begin(), order.end(), sorted, [&](int64_t i) { return values[i]; });
  }));
}

}  // namespace cuda
}  // namespace mellow
