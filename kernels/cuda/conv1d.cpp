// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/conv1d.h"

#include <algorithm>

#include "mellow/engine/ops/accumulate.h"
#include "mellow/kernels/cuda/bias.h"
#include "mellow/kernels/cuda/conv1d_choice.h"
#include "mellow/kernels/cuda/conv1d_pass.h"
#include "mellow/kernels/cuda/conv1d_tensor.h"
#include "mellow/kernels/cuda/cudnn_plan.h"
#include "mellow/kernels/cuda/operand.h"
#include "mellow/kernels/cuda/state.h"

namespace mellow {
namespace {

using cuda::ConvKey;
using cuda::ConvLayout;
using cuda::ConvPass;
using cuda::ConvWay;
using cuda::ConvWork;
using cuda::Plane;

constexpr int64_t best_alignment = 16;  // bytes: the widest load; blocks of the pool have more

Plane plane(const Tensor& t) {
  MELLOW_CHECK(t.dim(2) <= 1 || t.stride(2) == 1, "[conv1d] the last dimension of ", t.shape(),
               " must be dense");
  return {cuda::f32("conv1d", t), t.dim(0), t.dim(1), t.dim(2), t.stride(0), t.stride(1)};
}

Plane packed_plane(const Tensor& w) {
  MELLOW_CHECK(w.is_contiguous(), "[conv1d] the kernel ", w.shape(), " must be contiguous");
  return {cuda::f32("conv1d", w), w.dim(0), w.dim(1), w.dim(2), w.dim(1) * w.dim(2), w.dim(2)};
}

cuda::ConvSizes sizes_of(const Conv1dOptions& o, const Tensor& x, const Tensor& w, int64_t out_length) {
  return {x.dim(0), x.dim(1),   x.dim(2), out_length, w.dim(0),   w.dim(1),
          o.stride, o.dilation, o.groups, o.pad_left, o.pad_right};
}

// A packed bfloat16 copy of a plane, for as long as one pass takes.
class Bf16Copy {
 public:
  Bf16Copy(Cuda& cuda, const Plane& plane)
      : cuda_(cuda), plane_(plane), copy_(cuda, static_cast<size_t>(plane.count()) * sizeof(bfloat16)) {}
  bfloat16* data() const { return copy_.data<bfloat16>(); }
  void fill() const { cuda::to_bf16(cuda_, plane_, data()); }
  void write_back(bool add) const { cuda::from_bf16(cuda_, data(), plane_, add); }

 private:
  Cuda& cuda_;
  const Plane& plane_;
  cuda::Scratch copy_;
};

ConvLayout layout_of(const Plane& p) {
  const auto address = reinterpret_cast<uintptr_t>(p.data);
  const auto lowest_bit = static_cast<int64_t>(address & (~address + 1));
  return {p.item_stride, p.step_stride, std::min(best_alignment, lowest_bit)};
}

ConvLayout packed_layout(const Plane& p) { return {p.steps * p.channels, p.channels, best_alignment}; }

// By cuDNN on the tensors as they lie. False, with nothing done, when it has no plan for them.
bool by_cudnn(Cuda& cuda, const ConvWork& work) {
  const ConvKey key = {.pass = work.pass,
                       .sizes = work.sizes,
                       .x = layout_of(work.x),
                       .w = layout_of(work.w),
                       .y = layout_of(work.y),
                       .bf16 = false,
                       .add = work.add};
  const cuda::CudnnPlan* plan = cuda::plan_for(cuda, key);
  if (plan == nullptr) return false;
  cuda::run(cuda, *plan, work.x.data, work.w.data, work.y.data);
  return true;
}

// By cuDNN on bfloat16 copies, sums in float32. cuDNN has no engine that reads bfloat16 and writes float32,
// so the result is rounded once more before it is widened. False when there is no plan (compute capability
// below 8.0).
bool by_cudnn_bf16(Cuda& cuda, const ConvWork& work) {
  const ConvKey key = {.pass = work.pass,
                       .sizes = work.sizes,
                       .x = packed_layout(work.x),
                       .w = packed_layout(work.w),
                       .y = packed_layout(work.y),
                       .bf16 = true,
                       .add = false};
  const cuda::CudnnPlan* plan = cuda::plan_for(cuda, key);
  if (plan == nullptr) return false;
  const Bf16Copy x(cuda, work.x), w(cuda, work.w), y(cuda, work.y);
  if (work.pass != ConvPass::backward_data) x.fill();
  if (work.pass != ConvPass::backward_filter) w.fill();
  if (work.pass != ConvPass::forward) y.fill();
  cuda::run(cuda, *plan, x.data(), w.data(), y.data());
  switch (work.pass) {
    case ConvPass::forward: y.write_back(work.add); break;
    case ConvPass::backward_data: x.write_back(work.add); break;
    case ConvPass::backward_filter: w.write_back(work.add); break;
  }
  return true;
}

// One pass one way; false, with nothing done, where that way does not exist for it.
bool by(Cuda& cuda, const ConvWork& work, ConvWay way) {
  switch (way) {
    case ConvWay::cudnn:
      return (cuda.precision() == Precision::bf16 && by_cudnn_bf16(cuda, work)) || by_cudnn(cuda, work);
    case ConvWay::tensor:
      if (!cuda::tensor_core_serves(cuda, work)) return false;
      cuda::conv1d_tensor(cuda, work);
      return true;
    case ConvWay::direct: cuda::conv1d_direct(cuda, work); return true;
  }
  return false;
}

// One pass by the chosen way, or the next that exists. A single input channel per group goes to our own
// kernels at once: cuDNN's channels-last engines and tensor cores read whole vectors of channels.
void run_pass(Cuda& cuda, const ConvWork& work) {
  const bool vectors = work.sizes.batch > 0 && work.sizes.group_inputs() > 1;
  const ConvWay way = vectors ? cuda::way_for(cuda, work, by) : ConvWay::direct;
  if (by(cuda, work, way) || (way == ConvWay::tensor && by(cuda, work, ConvWay::cudnn))) return;
  cuda::conv1d_direct(cuda, work);
}

}  // namespace

void Conv1d::forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out) {
  x = in[0];
  weight = in[1];
  run_pass(cuda, {ConvPass::forward, sizes_of(options, x, weight, out.dim(1)), plane(x), packed_plane(weight),
                  plane(out)});
  if (has_bias) cuda::add_bias(cuda, out, in[2]);
}

void Conv1d::weight_gradients(Cuda& cuda, const Tensor& dy, const WeightTargets& to) const {
  if (const auto& [dw, add] = to.weight; dw.defined())
    run_pass(cuda, {ConvPass::backward_filter, sizes_of(options, x, weight, dy.dim(1)), plane(x),
                    packed_plane(dw), plane(dy), add});
  if (const auto& [db, add] = to.bias; db.defined()) column_sums(cuda, dy, db, add);
}

void Conv1d::data_gradient(Cuda& cuda, const Tensor& dy, const Gradients::Target& dx) const {
  run_pass(cuda, {ConvPass::backward_data, sizes_of(options, dx.place, weight, dy.dim(1)), plane(dx.place),
                  packed_plane(weight), plane(dy), dx.add});
}

}  // namespace mellow
