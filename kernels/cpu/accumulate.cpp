// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/accumulate.h"

#include "mellow/kernels/cpu/column_sums.h"
#include "mellow/kernels/cpu/dispatch.h"
#include "mellow/kernels/cpu/elementwise.h"
#include "mellow/kernels/cpu/parallel.h"

namespace mellow {

void accumulate(Cpu& cpu, const Tensor& sum, const Tensor& x) {
  MELLOW_CHECK(sum.shape() == x.shape(), "[accumulate] ", x.shape(), " into ", sum.shape());
  cpu::for_float("accumulate", sum.dtype(), [&]<class T>() {
    cpu::map<T>(
        cpu, "accumulate", [](T v) { return v; }, true, sum, x);
  });
}

void column_sums(Cpu& cpu, const Tensor& x, const Tensor& sums, bool add) {
  cpu::for_float("column_sums", x.dtype(), [&]<class T>() {
    cpu::column_sums(cpu, cpu::rows_of("column_sums", x), static_cast<const T*>(x.data<T>()), sums.data<T>(),
                     add);
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
