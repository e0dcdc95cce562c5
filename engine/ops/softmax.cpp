// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/softmax.h"

#include "mellow/engine/internal/apply.h"

namespace mellow {
namespace {

void check(const char* where, const Tensor& x) {
  MELLOW_CHECK(x.rank() >= 1 && x.dim(-1) >= 1, "[", where, "] needs at least one class, x is ", x.shape());
}

}  // namespace

Tensor softmax(const Tensor& x) {
  check("softmax", x);
  return internal::apply(Softmax{}, {x}, x.shape(), x.dtype());
}

Tensor log_softmax(const Tensor& x) {
  check("log_softmax", x);
  return internal::apply(LogSoftmax{}, {x}, x.shape(), x.dtype());
}

}  // namespace mellow
