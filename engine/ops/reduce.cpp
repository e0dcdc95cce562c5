// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/reduce.h"

#include "mellow/engine/internal/apply.h"

namespace mellow {
namespace {

Shape over_time(const char* where, const Tensor& x) {
  check_rank(where, x, 3, "x [batch, length, channels]");
  MELLOW_CHECK(x.dim(1) >= 1, "[", where, "] x ", x.shape(), " has no steps");
  return {x.dim(0), x.dim(2)};
}

}  // namespace

Tensor mean_over_time(const Tensor& x) {
  return internal::apply(MeanOverTime{}, {x}, over_time("mean_over_time", x), x.dtype());
}

Tensor max_over_time(const Tensor& x) {
  return internal::apply(MaxOverTime{}, {x}, over_time("max_over_time", x), x.dtype());
}

Tensor sum(const Tensor& x) { return internal::apply(Sum{}, {x}, {1}, x.dtype()); }

Tensor mean(const Tensor& x) {
  MELLOW_CHECK(x.count() > 0, "[mean] x ", x.shape(), " has no elements");
  return internal::apply(Sum{1.0 / static_cast<double>(x.count())}, {x}, {1}, x.dtype());
}

}  // namespace mellow
