// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/conv1d.h"

#include <algorithm>
#include <array>
#include <optional>

#include "mellow/kernels/cuda/bias.h"
#include "mellow/kernels/cuda/conv1d_pass.h"
#include "mellow/kernels/cuda/cudnn_plan.h"
#include "mellow/kernels/cuda/operand.h"
#include "mellow/kernels/cuda/state.h"

namespace mellow {
namespace {

using cuda::ConvKey;
using cuda::ConvLayout;
using cuda::ConvPass;
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

// One operand on its way to cuDNN: where it lies, or a packed copy of it.
struct Operand {
  Plane plane;
  bool written, copied, bf16;

  ConvLayout layout() const {
    if (copied) return {plane.steps * plane.channels, plane.channels, best_alignment};
    const auto address = reinterpret_cast<uintptr_t>(plane.data);
    const auto lowest_bit = static_cast<int64_t>(address & (~address + 1));
    return {plane.item_stride, plane.step_stride, std::min(best_alignment, lowest_bit)};
  }
  size_t copy_bytes() const {
    return copied ? static_cast<size_t>(plane.count()) * (bf16 ? sizeof(uint16_t) : sizeof(float)) : 0;
  }
};

// By cuDNN: bf16 and packed say what is copied first. False, with nothing done, when it has no plan for that.
bool by_cudnn(Cuda& cuda, const ConvWork& work, bool bf16, bool packed) {
  const auto operand = [&](const Plane& p, ConvPass writer) -> Operand {
    const bool written = work.pass == writer;
    const bool copied = written ? packed && (work.add || !p.is_packed()) : bf16 || (packed && !p.is_packed());
    return {p, written, copied, bf16 && !written};
  };
  const std::array<Operand, 3> operands = {operand(work.x, ConvPass::backward_data),
                                           operand(work.w, ConvPass::backward_filter),
                                           operand(work.y, ConvPass::forward)};
  const auto& [x, w, y] = operands;
  const bool result_copied =
      std::any_of(operands.begin(), operands.end(), [](const Operand& o) { return o.written && o.copied; });
  const ConvKey key = {
      work.pass, work.sizes, x.layout(), w.layout(), y.layout(), bf16, work.add && !result_copied};
  const cuda::CudnnPlan* plan = cuda::plan_for(cuda, key);
  if (plan == nullptr) return false;

  const cuda::Scratch copy_x(cuda, x.copy_bytes()), copy_w(cuda, w.copy_bytes()),
      copy_y(cuda, y.copy_bytes());
  const cuda::Scratch* const copies[] = {&copy_x, &copy_w, &copy_y};
  std::array<const void*, 3> places{};
  for (size_t i = 0; i < operands.size(); ++i) {
    const Operand& o = operands[i];
    places[i] = o.copied ? copies[i]->data<void>() : o.plane.data;
    if (!o.copied || o.written) continue;
    if (o.bf16)
      cuda::pack_bf16(cuda, o.plane, copies[i]->data<uint16_t>());
    else
      cuda::pack(cuda, o.plane, copies[i]->data<float>());
  }
  cuda::run(cuda, *plan, places[0], places[1], places[2]);
  for (size_t i = 0; i < operands.size(); ++i)
    if (operands[i].written && operands[i].copied)
      cuda::unpack(cuda, copies[i]->data<float>(), operands[i].plane, work.add);
  return true;
}

// One pass by the first way that exists. A single input channel per group goes to our own kernels at once:
// cuDNN's channels-last engines read whole vectors of channels.
void run_pass(Cuda& cuda, const ConvWork& work) {
  if (work.sizes.batch > 0 && work.sizes.group_inputs() > 1) {
    const bool bf16 = cuda.precision() == Precision::bf16;
    if (bf16 && (by_cudnn(cuda, work, true, false) || by_cudnn(cuda, work, true, true))) return;
    if (by_cudnn(cuda, work, false, false) || by_cudnn(cuda, work, false, true)) return;
  }
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

void Conv1d::backward(Cuda& cuda, const Tensor& dy, Gradients& gradients) {
  const cuda::ConvSizes sizes = sizes_of(options, x, weight, dy.dim(1));
  if (gradients.wanted(0)) {
    const auto [dx, add] = gradients.target(0);
    run_pass(cuda, {ConvPass::backward_data, sizes, plane(dx), packed_plane(weight), plane(dy), add});
  }
  if (gradients.wanted(1)) {
    const auto [dw, add] = gradients.target(1);
    run_pass(cuda, {ConvPass::backward_filter, sizes, plane(x), packed_plane(dw), plane(dy), add});
  }
  if (has_bias && gradients.wanted(2)) {
    const auto [db, add] = gradients.target(2);
    cuda::bias_backward(cuda, dy, db, add);
  }
}

}  // namespace mellow
