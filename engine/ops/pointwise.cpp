// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/pointwise.h"

#include "mellow/engine/core/random_state.h"
#include "mellow/engine/internal/apply.h"

namespace mellow {
namespace {

void check_same_shape(const char* where, const Tensor& a, const Tensor& b) {
  check_together(where, a, b);
  MELLOW_CHECK(a.shape() == b.shape(), "[", where, "] shapes differ: ", a.shape(), " and ", b.shape());
}

}  // namespace

Tensor relu(const Tensor& x) { return internal::apply(Relu{}, {x}, x.shape(), x.dtype()); }
Tensor gelu(const Tensor& x) { return internal::apply(Gelu{}, {x}, x.shape(), x.dtype()); }
Tensor sigmoid(const Tensor& x) { return internal::apply(Sigmoid{}, {x}, x.shape(), x.dtype()); }
Tensor tanh(const Tensor& x) { return internal::apply(Tanh{}, {x}, x.shape(), x.dtype()); }

Tensor add(const Tensor& a, const Tensor& b) {
  check_same_shape("add", a, b);
  return internal::apply(Add{}, {a, b}, a.shape(), a.dtype());
}

Tensor add_relu(const Tensor& a, const Tensor& b, bool overwrite) {
  check_same_shape("add_relu", a, b);
  const Tensor in[] = {a, b}, place = overwrite ? a.view(a.shape()) : Tensor();
  return internal::apply_into(AddRelu{}, in, internal::output_at(place, "add_relu", a.shape(), a));
}

Tensor multiply(const Tensor& a, const Tensor& b) {
  check_same_shape("multiply", a, b);
  return internal::apply(Multiply{}, {a, b}, a.shape(), a.dtype());
}

Tensor scale(const Tensor& x, double factor) {
  return internal::apply(Scale{factor}, {x}, x.shape(), x.dtype());
}

Tensor dropout(const Tensor& x, double drop, uint32_t site) {
  MELLOW_CHECK(drop >= 0 && drop < 1, "[dropout] the drop probability must lie in [0, 1), got ", drop);
  if (drop == 0) return x;
  const RandomState& random = x.context().random();
  MELLOW_CHECK(random.step.defined() && random.step.dtype() == DType::i64 && random.step.count() == 1,
               "[dropout] no step to draw for: a training loop sets context.random() to its seed and the I64 "
               "[1] tensor in which it counts its steps, or every step would drop the same; got ",
               random.step.defined() ? text(name_of(random.step.dtype()), " ", random.step.shape()) : "none");
  return internal::apply(Dropout{drop, site, random.seed, random.step}, {x}, x.shape(), x.dtype());
}

Tensor mask_steps(const Tensor& x, const Tensor& mask) {
  check_rank("mask_steps", x, 3, "x [batch, length, channels]");
  MELLOW_CHECK(mask.dtype() == DType::u8 && mask.shape() == (Shape{x.dim(0), x.dim(1)}),
               "[mask_steps] mask must be U8 [batch, length] of x ", x.shape(), ", got ", mask.shape());
  return internal::apply(MaskSteps{mask}, {x}, x.shape(), x.dtype());
}

}  // namespace mellow
