// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/pointwise.h"

#include "mellow/kernels/cpu/dispatch.h"
#include "mellow/kernels/cpu/parallel.h"

namespace mellow {

void Relu::forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out) {
  y = out;
  const cpu::Rows from = cpu::rows_of("relu", in[0]), to = cpu::rows_of("relu", out);
  cpu::for_float("relu", out.dtype(), [&]<class T>() {
    const T* x = in[0].data<T>();
    T* r = out.data<T>();
    cpu::parallel_for(cpu, to.count, 1 + 16384 / (to.width + 1), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        for (int64_t c = 0; c < to.width; ++c) {
          const T v = x[i * from.stride + c];
          r[i * to.stride + c] = v > T{0} ? v : T{0};
        }
    });
  });
}

void Relu::backward(Cpu& cpu, const Tensor& dy, Gradients& gradients) {
  const auto [dx, add] = gradients.target(0);
  const cpu::Rows up = cpu::rows_of("relu", dy), to = cpu::rows_of("relu", dx),
                  kept = cpu::rows_of("relu", y);
  cpu::for_float("relu", dy.dtype(), [&, &place = dx, adds = add]<class T>() {
    const T *g = dy.data<T>(), *r = y.data<T>();
    T* d = place.template data<T>();
    cpu::parallel_for(cpu, to.count, 1 + 16384 / (to.width + 1), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        for (int64_t c = 0; c < to.width; ++c) {
          const T v = r[i * kept.stride + c] > T{0} ? g[i * up.stride + c] : T{0};
          T& place_of = d[i * to.stride + c];
          place_of = adds ? place_of + v : v;
        }
    });
  });
}

}  // namespace mellow
