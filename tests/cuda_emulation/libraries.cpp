// SPDX-License-Identifier: MIT
// Stands in for the units that call cuDNN and CUB. cuDNN has no plan for anything unless a test asks for it,
// so that convolutions run on mellow's own kernels; device memory is host memory, so that the host can sort.
#include <algorithm>
#include <map>
#include <memory>
#include <numeric>
#include <vector>

#include "mellow/kernels/cuda/bf16.cuh"
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

namespace {

bool is_packed(const ConvLayout& l, int64_t steps, int64_t channels) {
  return l.step_stride == channels && l.item_stride == steps * channels;
}

bool is_plain(const ConvKey& key) {
  const ConvSizes& s = key.sizes;
  return !key.add && s.pad_left == s.pad_right && is_packed(key.x, s.length, s.in_channels) &&
         is_packed(key.w, s.width, s.group_inputs()) && is_packed(key.y, s.out_length, s.out_channels);
}

// An operand in float32: where it lies, or of bfloat16 a copy.
class Operand {
 public:
  Operand(Cuda& cuda, bool bf16, const void* data, int64_t items, int64_t steps, int64_t channels,
          const ConvLayout& l)
      : cuda_(cuda),
        narrow_(bf16 ? static_cast<bfloat16*>(const_cast<void*>(data)) : nullptr),
        wide_(cuda, bf16 ? static_cast<size_t>(items * steps * channels) * sizeof(float) : 0),
        plane_{bf16 ? wide_.data<float>() : static_cast<float*>(const_cast<void*>(data)),
               items,
               steps,
               channels,
               l.item_stride,
               l.step_stride} {
    for_each([](bfloat16& narrow, float& wide) { wide = widened(narrow); });
  }
  const Plane& plane() const { return plane_; }
  void write_back() const {
    for_each([](bfloat16& narrow, float& wide) { narrow = rounded(wide); });
  }

 private:
  template <class F>
  void for_each(F f) const {
    if (narrow_ == nullptr) return;
    CUDA_CHECK(emulation::enqueue(cuda_.state().stream,
                                  [f, narrow = narrow_, wide = plane_.data, count = plane_.count()] {
                                    for (int64_t i = 0; i < count; ++i) f(narrow[i], wide[i]);
                                  }));
  }
  Cuda& cuda_;
  bfloat16* narrow_;
  Scratch wide_;
  Plane plane_;
};

}  // namespace

const CudnnPlan* plan_for(Cuda&, const ConvKey& key) {
  static std::map<ConvKey, CudnnPlan> plans;
  if (!emulation::cudnn.has_plans || (emulation::cudnn.plain_only && !is_plain(key))) return nullptr;
  return &plans.try_emplace(key, key).first->second;
}

size_t cudnn_version() { return 0; }

void run(Cuda& cuda, const CudnnPlan& plan, const void* x, const void* w, const void* y) {
  const ConvKey& k = plan.key;
  const ConvSizes& s = k.sizes;
  const auto set_clock = [&](auto set) { CUDA_CHECK(emulation::enqueue(cuda.state().stream, set)); };
  const auto before = std::make_shared<float>();
  set_clock([=] { *before = emulation::clock; });
  const Operand of_x(cuda, k.bf16, x, s.batch, s.length, s.in_channels, k.x),
      of_w(cuda, k.bf16, w, s.out_channels, s.width, s.group_inputs(), k.w),
      of_y(cuda, k.bf16, y, s.batch, s.out_length, s.out_channels, k.y);
  conv1d_direct(cuda, {k.pass, s, of_x.plane(), of_w.plane(), of_y.plane(), k.add});
  (k.pass == ConvPass::forward ? of_y : k.pass == ConvPass::backward_data ? of_x : of_w).write_back();
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
