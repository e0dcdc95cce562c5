// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/accumulate.h"
#include "mellow/engine/ops/join.h"
#include "mellow/kernels/cuda/elementwise.cuh"

namespace mellow {

void copy_rows(Cuda& cuda, const Tensor& from, const Tensor& to) {
  MELLOW_CHECK(from.shape() == to.shape(), "[copy_rows] ", from.shape(), " into ", to.shape());
  cuda::map(cuda, "copy_rows", cuda::Identity{}, to, false, from);
}

void JoinParts::forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out) {
  if (!copy) return;  // the parts are windows of the whole, filled by the ops that made them
  int64_t from = 0;
  for (const Tensor& part : in) {
    copy_rows(cuda, part, out.window(-1, from, from + part.dim(-1)));
    from += part.dim(-1);
  }
}

void JoinParts::backward(Cuda&, const Tensor& dy, Gradients& gradients) {
  int64_t from = 0;
  for (size_t i = 0; i < widths.size(); from += widths[i++])
    if (const int at = static_cast<int>(i); gradients.wanted(at))
      gradients.share(at, dy.window(-1, from, from + widths[i]), gradients.upstream_is_exclusive());
}

void Slice::forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out) {
  copy_rows(cuda, in[0].window(dim, from, to), out);
}

void Slice::backward(Cuda& cuda, const Tensor& dy, Gradients& gradients) {
  const auto [dx, add] = gradients.target(0);
  if (add) {
    accumulate(cuda, dx.window(dim, from, to), dy);
    return;
  }
  dx.zero();  // a place to overwrite is contiguous
  copy_rows(cuda, dy, dx.window(dim, from, to));
}

void Reshape::forward(Cuda&, std::span<const Tensor>, const Tensor&) {}  // the same elements

void Reshape::backward(Cuda& cuda, const Tensor& dy, Gradients& gradients) {
  if (dy.is_contiguous())
    gradients.share(0, dy.view(shape), gradients.upstream_is_exclusive());
  else
    copy_rows(cuda, dy, gradients.fresh(0).view(dy.shape()));
}

}  // namespace mellow
