// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/matmul.h"

#include "mellow/engine/internal/apply.h"

namespace mellow {

Tensor matmul(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b) {
  check_together("matmul", a, b);
  MELLOW_CHECK((a.rank() == 2 || a.rank() == 3) && a.rank() == b.rank(),
               "[matmul] both operands must be matrices, or both batches of them, got ", a.shape(), " and ",
               b.shape());
  MELLOW_CHECK(a.rank() == 2 || a.dim(0) == b.dim(0), "[matmul] batch sizes differ: ", a.shape(), " and ",
               b.shape());
  const int64_t inner_a = a.dim(transpose_a ? -2 : -1), inner_b = b.dim(transpose_b ? -1 : -2);
  MELLOW_CHECK(inner_a == inner_b, "[matmul] inner dimensions differ: ", a.shape(), transpose_a ? "ᵀ" : "",
               " and ", b.shape(), transpose_b ? "ᵀ" : "");
  Shape shape = a.shape();
  shape[-2] = a.dim(transpose_a ? -1 : -2);
  shape[-1] = b.dim(transpose_b ? -2 : -1);
  return internal::apply(Matmul{transpose_a, transpose_b, {}, {}}, {a, b}, shape, a.dtype());
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  check_rank("linear", weight, 2, "weight [out, in]");
  check_together("linear", x, weight);
  MELLOW_CHECK(x.rank() >= 2 && x.dim(-1) == weight.dim(1), "[linear] x ", x.shape(), " does not fit weight ",
               weight.shape());
  MELLOW_CHECK(!bias.defined() || bias.shape() == Shape{weight.dim(0)}, "[linear] bias must be [",
               weight.dim(0), "], got ", bias.shape());
  Shape shape = x.shape();
  shape[-1] = weight.dim(0);
  return internal::apply(Linear{{}, {}, bias.defined()}, {x, weight, bias}, shape, x.dtype());
}

}  // namespace mellow
