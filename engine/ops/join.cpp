// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/join.h"

#include "mellow/engine/internal/apply.h"

namespace mellow {
namespace {

std::vector<int64_t> widths_of(std::span<const Tensor> parts) {
  std::vector<int64_t> widths;
  for (const Tensor& part : parts) widths.push_back(part.dim(-1));
  return widths;
}

}  // namespace

Join::Join(Context& context, const Shape& shape, DType dtype) : whole_(Tensor::empty(context, shape, dtype)) {
  MELLOW_CHECK(shape.rank() >= 1, "[join] needs at least one dimension");
}

Tensor Join::part(int64_t width) {
  MELLOW_CHECK(width >= 1 && used_ + width <= whole_.dim(-1), "[join] ", width, " more channels after ",
               used_, " do not fit ", whole_.shape());
  parts_.push_back(whole_.window(-1, used_, used_ + width));
  used_ += width;
  return parts_.back();
}

Tensor Join::whole() {
  MELLOW_CHECK(used_ == whole_.dim(-1), "[join] ", used_, " of ", whole_.dim(-1), " channels were given out");
  return internal::apply_into(JoinParts{widths_of(parts_)}, parts_, whole_);
}

Tensor concatenate(std::span<const Tensor> parts) {
  MELLOW_CHECK(!parts.empty(), "[concatenate] needs at least one part");
  Shape shape = parts[0].shape();
  shape[-1] = 0;
  for (const Tensor& part : parts) {
    check_together("concatenate", parts[0], part);
    MELLOW_CHECK(part.rank() == shape.rank(), "[concatenate] ranks differ: ", parts[0].shape(), " and ",
                 part.shape());
    for (int i = 0; i + 1 < shape.rank(); ++i)
      MELLOW_CHECK(part.dim(i) == shape[i],
                   "[concatenate] only the last dimension may differ: ", parts[0].shape(), " and ",
                   part.shape());
    shape[-1] += part.dim(-1);
  }
  const Tensor out = Tensor::empty(parts[0].context(), shape, parts[0].dtype());
  return internal::apply_into(JoinParts{widths_of(parts), true}, parts, out);
}

Tensor slice(const Tensor& x, int dim, int64_t from, int64_t to) {
  const int at = dim < 0 ? dim + x.rank() : dim;
  Shape shape = x.window(at, from, to).shape();
  return internal::apply(Slice{at, from, to, x.shape()}, {x}, shape, x.dtype());
}

Tensor reshape(const Tensor& x, const Shape& shape) {
  const Tensor out = x.view(shape);
  const Tensor in[] = {x};
  return internal::apply_into(Reshape{x.shape()}, in, out);
}

}  // namespace mellow
