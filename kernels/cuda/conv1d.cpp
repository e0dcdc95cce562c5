// SPDX-License-Identifier: MIT
#include <algorithm>
#include <type_traits>
#include <vector>

#include "mellow/engine/ops/accumulate.h"
#include "mellow/engine/ops/conv1d_branches.h"
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
using cuda::ConvSizes;
using cuda::ConvWay;
using cuda::ConvWork;
using cuda::ConvWorks;
using cuda::Margins;
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

ConvSizes sizes_of(const Conv1dOptions& o, const Tensor& x, const Tensor& w, int64_t out_length) {
  return {x.dim(0), x.dim(1),   x.dim(2), out_length, w.dim(0),   w.dim(1),
          o.stride, o.dilation, o.groups, o.pad_left, o.pad_right};
}

// A packed copy of a plane, for as long as one pass takes.
template <class T>
class PackedCopy {
 public:
  PackedCopy(Cuda& cuda, const Plane& plane, const Margins& margins = {})
      : cuda_(cuda), plane_(plane), margins_(margins), copy_(cuda, bytes(plane, margins)) {}
  T* data() const { return copy_.data<T>(); }
  void fill() const { cuda::pack(cuda_, plane_, margins_, data()); }
  void write_back(bool add) const { cuda::unpack<T>(cuda_, data(), margins_, plane_, add); }

 private:
  static size_t bytes(const Plane& p, const Margins& m) {
    return static_cast<size_t>(p.items * (m.before + p.steps + m.behind) * p.channels) * sizeof(T);
  }
  Cuda& cuda_;
  const Plane& plane_;
  Margins margins_;
  cuda::Scratch copy_;
};

ConvLayout layout_of(const Plane& p) {
  const auto address = reinterpret_cast<uintptr_t>(p.data);
  const auto lowest_bit = static_cast<int64_t>(address & (~address + 1));
  return {p.item_stride, p.step_stride, std::min(best_alignment, lowest_bit)};
}

ConvLayout packed_layout(int64_t steps, int64_t channels) {
  return {steps * channels, channels, best_alignment};
}

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

// By cuDNN on copies of T: bfloat16 (sums in float32; cuDNN has no engine that reads bfloat16 and writes
// float32, so the result is rounded once more before it is widened), or float32 for what most engines do not
// take: windows of wider tensors, results that are added to what is there, and different padding on the two
// sides («same» under an even kernel), of which the copy holds the difference. False when there is no plan.
template <class T>
bool by_cudnn_on_copies(Cuda& cuda, const ConvWork& work) {
  ConvSizes s = work.sizes;
  const int64_t both = std::min(s.pad_left, s.pad_right);
  const Margins margins = {s.pad_left - both, s.pad_right - both};
  s.length += margins.before + margins.behind;
  s.pad_left = s.pad_right = both;
  const ConvKey key = {.pass = work.pass,
                       .sizes = s,
                       .x = packed_layout(s.length, s.in_channels),
                       .w = packed_layout(s.width, s.group_inputs()),
                       .y = packed_layout(s.out_length, s.out_channels),
                       .bf16 = std::is_same_v<T, bfloat16>,
                       .add = false};
  const cuda::CudnnPlan* plan = cuda::plan_for(cuda, key);
  if (plan == nullptr) return false;
  const PackedCopy<T> x(cuda, work.x, margins), w(cuda, work.w), y(cuda, work.y);
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

// Strict fp32 under padding of two widths («same» of an even kernel): for tensors as they lie cuDNN has
// nothing but its plainest engines on most GPUs, and none better for backward data on copies. So passes run
// on copies, and backward data as the forward pass that it is at stride 1. False when this is no such pass.
bool by_cudnn_evenly(Cuda& cuda, const ConvWork& work) {
  const ConvSizes& s = work.sizes;
  if (cuda.precision() != Precision::fp32 || s.pad_left == s.pad_right) return false;
  const int64_t span = (s.width - 1) * s.dilation;
  if (work.pass != ConvPass::backward_data || s.stride > 1 || s.groups > 1 ||
      std::max(s.pad_left, s.pad_right) > span)
    return by_cudnn_on_copies<float>(cuda, work);
  const cuda::Scratch kernel(cuda, static_cast<size_t>(work.w.count()) * sizeof(float));
  const Plane flipped = {kernel.data<float>(),     s.in_channels, s.width, s.out_channels,
                         s.width * s.out_channels, s.out_channels};
  const ConvSizes sizes = {
      s.batch, s.out_length,      s.out_channels,    s.length, s.in_channels, s.width, 1, s.dilation,
      1,       span - s.pad_left, span - s.pad_right};
  cuda::flip(cuda, work.w, flipped.data);
  return by_cudnn_on_copies<float>(cuda, {ConvPass::forward, sizes, work.y, flipped, work.x, work.add});
}

void run_passes(Cuda& cuda, ConvWorks works);

// The works one way; false, with nothing done, where that way does not exist for them.
bool by(Cuda& cuda, ConvWorks works, ConvWay way) {
  const ConvWork& first = works.front();
  switch (way) {
    case ConvWay::cudnn:
      if (works.size() > 1) {
        for (const ConvWork& work : works) run_passes(cuda, {&work, 1});
        return true;
      }
      return (cuda.precision() == Precision::bf16 && by_cudnn_on_copies<bfloat16>(cuda, first)) ||
             by_cudnn_evenly(cuda, first) || by_cudnn(cuda, first) || by_cudnn_on_copies<float>(cuda, first);
    case ConvWay::tensor:
      if (!cuda::tensor_core_serves(cuda, works)) return false;
      cuda::conv1d_tensor(cuda, works);
      return true;
    case ConvWay::direct:
      for (const ConvWork& work : works) cuda::conv1d_direct(cuda, work);
      return true;
  }
  return false;
}

// The works by the chosen way, or the next that exists. A single input channel per group goes to our own
// kernels at once: cuDNN's channels-last engines and tensor cores read whole vectors of channels.
void run_passes(Cuda& cuda, ConvWorks works) {
  const ConvSizes& s = works.front().sizes;
  const ConvWay way = s.batch > 0 && s.group_inputs() > 1 ? cuda::way_for(cuda, works, by) : ConvWay::direct;
  if (by(cuda, works, way)) return;
  if (!by(cuda, works, way == ConvWay::cudnn ? ConvWay::tensor : ConvWay::cudnn))
    by(cuda, works, ConvWay::direct);
}

ConvWork forward_work(const Conv1d& op, const Tensor& y) {
  return {ConvPass::forward, sizes_of(op.options, op.x, op.weight, y.dim(1)), plane(op.x),
          packed_plane(op.weight), plane(y)};
}

ConvWork filter_work(const Conv1d& op, const Tensor& dy, const Gradients::Target& dw) {
  return {ConvPass::backward_filter,
          sizes_of(op.options, op.x, op.weight, dy.dim(1)),
          plane(op.x),
          packed_plane(dw.place),
          plane(dy),
          dw.add};
}

ConvWork data_work(const Conv1d& op, const Tensor& dy, const Gradients::Target& dx) {
  return {ConvPass::backward_data,
          sizes_of(op.options, dx.place, op.weight, dy.dim(1)),
          plane(dx.place),
          packed_plane(op.weight),
          plane(dy),
          dx.add};
}

void run_pass(Cuda& cuda, const ConvWork& work) { run_passes(cuda, {&work, 1}); }

}  // namespace

void Conv1d::forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out) {
  x = in[0];
  weight = in[1];
  run_pass(cuda, forward_work(*this, out));
  if (has_bias) cuda::add_bias(cuda, out, in[2]);
}

void Conv1d::weight_gradients(Cuda& cuda, const Tensor& dy, const WeightTargets& to) const {
  if (to.weight.place.defined()) run_pass(cuda, filter_work(*this, dy, to.weight));
  if (const auto& [db, add] = to.bias; db.defined()) column_sums(cuda, dy, db, add);
}

void Conv1d::data_gradient(Cuda& cuda, const Tensor& dy, const Gradients::Target& dx) const {
  run_pass(cuda, data_work(*this, dy, dx));
}

void forward_together(Cuda& cuda, std::span<const Conv1d> branches, std::span<const Tensor> y) {
  std::vector<ConvWork> works;
  for (size_t i = 0; i < branches.size(); ++i) works.push_back(forward_work(branches[i], y[i]));
  run_passes(cuda, works);
}

void weight_gradients_together(Cuda& cuda, std::span<const Conv1d> branches, std::span<const Tensor> dy,
                               std::span<const Gradients::Target> dw) {
  std::vector<ConvWork> works;
  for (size_t i = 0; i < branches.size(); ++i)
    if (dw[i].place.defined()) works.push_back(filter_work(branches[i], dy[i], dw[i]));
  if (!works.empty()) run_passes(cuda, works);
}

void data_gradient_together(Cuda& cuda, std::span<const Conv1d> branches, std::span<const Tensor> dy,
                            const Gradients::Target& dx) {
  std::vector<ConvWork> works;
  for (size_t i = 0; i < branches.size(); ++i)
    works.push_back(data_work(branches[i], dy[i], {dx.place, dx.add || i > 0}));
  run_passes(cuda, works);
}

}  // namespace mellow
