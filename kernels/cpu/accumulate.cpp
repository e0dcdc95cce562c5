// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/accumulate.h"

#include "mellow/kernels/cpu/dispatch.h"
#include "mellow/kernels/cpu/parallel.h"

namespace mellow {

void accumulate(Cpu& cpu, const Tensor& sum, const Tensor& x) {
  MELLOW_CHECK(sum.shape() == x.shape(), "[accumulate] ", x.shape(), " into ", sum.shape());
  const cpu::Rows to = cpu::rows_of("accumulate", sum), from = cpu::rows_of("accumulate", x);
  cpu::for_float("accumulate", sum.dtype(), [&]<class T>() {
    T* s = sum.data<T>();
    const T* a = x.data<T>();
    cpu::parallel_for(cpu, to.count, 1 + 16384 / (to.width + 1), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r)
        for (int64_t c = 0; c < to.width; ++c) s[r * to.stride + c] += a[r * from.stride + c];
    });
  });
}

void fill(Cpu& cpu, const Tensor& x, double value) {
  MELLOW_CHECK(x.is_contiguous(), "[fill] needs a contiguous tensor, got strides in ", x.shape());
  cpu::for_float("fill", x.dtype(), [&]<class T>() {
    T* a = x.data<T>();
    cpu::parallel_for(cpu, x.count(), 65536, [&](int64_t begin, int64_t end) {
      std::fill(a + begin, a + end, static_cast<T>(value));
    });
  });
}

}  // namespace mellow
