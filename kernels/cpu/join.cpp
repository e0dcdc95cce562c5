// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/join.h"

#include <cstring>

#include "mellow/engine/ops/accumulate.h"
#include "mellow/kernels/cpu/elementwise.h"

namespace mellow {

void copy_rows(Cpu& cpu, const Tensor& from, const Tensor& to) {
  MELLOW_CHECK(from.shape() == to.shape() && from.dtype() == to.dtype(), "[copy_rows] ", from.shape(), " of ",
               name_of(from.dtype()), " into ", to.shape(), " of ", name_of(to.dtype()));
  const cpu::RowWalk source("copy_rows", from), target("copy_rows", to);
  const auto size = static_cast<int64_t>(size_of(from.dtype()));
  const auto* a = static_cast<const std::byte*>(from.raw_data());
  auto* b = static_cast<std::byte*>(to.raw_data());
  const bool flat = from.is_contiguous() && to.is_contiguous();
  // Contiguous tensors are one long row, split anywhere.
  const int64_t n = flat ? from.count() : source.count(), width = flat ? 1 : source.width();
  cpu::parallel_for(cpu, n, 1 + 65536 / (width * size + 1), [&](int64_t begin, int64_t end) {
    if (flat) {
      std::memcpy(b + begin * size, a + begin * size, static_cast<size_t>((end - begin) * size));
      return;
    }
    for (int64_t r = begin; r < end; ++r)
      std::memcpy(b + target.at(r) * size, a + source.at(r) * size, static_cast<size_t>(width * size));
  });
}

void JoinParts::forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out) {
  if (!copy) return;  // the parts are windows of out and were filled by the ops that made them
  int64_t from = 0;
  for (const Tensor& part : in) {
    copy_rows(cpu, part, out.window(-1, from, from + part.dim(-1)));
    from += part.dim(-1);
  }
}

void JoinParts::backward(Cpu&, const Tensor& dy, Gradients& gradients) {
  // The windows do not overlap: what holds for dy holds for each of them.
  int64_t from = 0;
  for (size_t i = 0; i < widths.size(); ++i) {
    if (gradients.wanted(static_cast<int>(i)))
      gradients.share(static_cast<int>(i), dy.window(-1, from, from + widths[i]),
                      gradients.upstream_is_exclusive());
    from += widths[i];
  }
}

void Slice::forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out) {
  copy_rows(cpu, in[0].window(dim, from, to), out);
}

void Slice::backward(Cpu& cpu, const Tensor& dy, Gradients& gradients) {
  const auto [dx, add] = gradients.target(0);
  if (add) {
    accumulate(cpu, dx.window(dim, from, to), dy);
    return;
  }
  dx.zero();  // a place to overwrite is contiguous
  copy_rows(cpu, dy, dx.window(dim, from, to));
}

void Reshape::forward(Cpu&, std::span<const Tensor>, const Tensor&) {}  // out is a view of the input

void Reshape::backward(Cpu& cpu, const Tensor& dy, Gradients& gradients) {
  if (dy.is_contiguous())
    gradients.share(0, dy.view(shape), gradients.upstream_is_exclusive());
  else
    copy_rows(cpu, dy, gradients.fresh(0).view(dy.shape()));
}

}  // namespace mellow
