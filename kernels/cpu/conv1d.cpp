// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/conv1d.h"

#include "mellow/kernels/cpu/column_sums.h"
#include "mellow/kernels/cpu/conv1d_kernels.h"
#include "mellow/kernels/cpu/product.h"
#include "mellow/kernels/cpu/scratch.h"

namespace mellow {
namespace {

// x and y (or their gradients) may be channel windows of larger tensors: each brings its own strides.
cpu::Conv1dSizes sizes_of(const Conv1dOptions& o, const Tensor& x, const Tensor& weight, const Tensor& y) {
  internal::check_dense("conv1d", x);
  internal::check_dense("conv1d", y);
  MELLOW_CHECK(weight.is_contiguous(), "[conv1d] weight ", weight.shape(), " must be contiguous");
  return {.batch = x.dim(0),
          .in_length = x.dim(1),
          .out_length = y.dim(1),
          .in_channels = x.dim(2),
          .out_channels = y.dim(2),
          .width = weight.dim(1),
          .stride = o.stride,
          .dilation = o.dilation,
          .groups = o.groups,
          .pad_left = o.pad_left,
          .x_row = x.stride(1),
          .x_batch = x.stride(0),
          .y_row = y.stride(1),
          .y_batch = y.stride(0)};
}

// Calls pass(options) with workspace from the pool.
template <class T, class F>
void with_workspace(Cpu& cpu, cpu::Conv1dPass pass, const cpu::Conv1dSizes& sizes, F&& call) {
  cpu::KernelOptions options = cpu::options_of<T>(cpu);
  const cpu::Scratch workspace(cpu, cpu::conv1d_workspace<T>(pass, sizes, options));
  options.workspace = workspace.data();
  options.workspace_bytes = workspace.bytes();
  call(options);
}

// Of the weight and, where wanted, of the bias.
template <class T>
void both_gradients(Cpu& cpu, const Conv1d& op, const Tensor& dy, const Conv1d::WeightTargets& to) {
  const auto sizes = sizes_of(op.options, op.x, op.weight, dy);
  const Gradients::Target &dw = to.weight, &db = to.bias;
  // The kernel adds to both or overwrites both.
  const bool add = dw.add || (db.place.defined() && db.add);
  if (add && !dw.add) dw.place.zero();
  if (add && db.place.defined() && !db.add) db.place.zero();
  with_workspace<T>(cpu, cpu::Conv1dPass::backward_weights, sizes, [&](const cpu::KernelOptions& options) {
    cpu::conv1d_backward_weights(sizes, op.x.data<T>(), dy.data<T>(), dw.place.data<T>(),
                                 db.place.defined() ? db.place.data<T>() : nullptr, add, options);
  });
}

}  // namespace

void Conv1d::forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out) {
  x = in[0];
  weight = in[1];
  const auto sizes = sizes_of(options, x, weight, out);
  cpu::for_float("conv1d", out.dtype(), [&]<class T>() {
    with_workspace<T>(cpu, cpu::Conv1dPass::forward, sizes, [&](const cpu::KernelOptions& how) {
      cpu::conv1d_forward(sizes, x.data<T>(), weight.data<T>(), has_bias ? in[2].data<T>() : nullptr,
                          out.data<T>(), how);
    });
  });
}

void Conv1d::weight_gradients(Cpu& cpu, const Tensor& dy, const WeightTargets& to) const {
  cpu::for_float("conv1d", dy.dtype(), [&]<class T>() {
    if (to.weight.place.defined())
      both_gradients<T>(cpu, *this, dy, to);
    else if (to.bias.place.defined())
      cpu::column_sums(cpu, cpu::rows_of("conv1d", dy), dy.data<T>(), to.bias.place.data<T>(), to.bias.add);
  });
}

void Conv1d::data_gradient(Cpu& cpu, const Tensor& dy, const Gradients::Target& dx) const {
  const auto sizes = sizes_of(options, dx.place, weight, dy);
  cpu::for_float("conv1d", dy.dtype(), [&]<class T>() {
    with_workspace<T>(cpu, cpu::Conv1dPass::backward_data, sizes, [&](const cpu::KernelOptions& how) {
      cpu::conv1d_backward_data(sizes, dy.data<T>(), weight.data<T>(), dx.place.data<T>(), dx.add, how);
    });
  });
}

}  // namespace mellow
