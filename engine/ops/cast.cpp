// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/cast.h"

#include "mellow/engine/internal/apply.h"

namespace mellow {

Tensor cast(const Tensor& x, DType dtype) {
  MELLOW_CHECK(x.is_contiguous(), "[cast] needs a contiguous tensor, got strides in ", x.shape());
  if (x.dtype() == dtype) return x;
  const bool on_cpu = x.context().device() == Device::cpu;
  const auto pair = [&](DType a, DType b) {
    return (x.dtype() == a && dtype == b) || (x.dtype() == b && dtype == a);
  };
  MELLOW_CHECK(pair(DType::f32, DType::bf16) || (on_cpu && pair(DType::f32, DType::f64)), "[cast] from ",
               name_of(x.dtype()), " to ", name_of(dtype), " is not offered on ",
               name_of(x.context().device()), ": F32 and BF16 are, and F64 on the CPU");
  return internal::apply(Cast{}, {x}, x.shape(), dtype);
}

}  // namespace mellow
