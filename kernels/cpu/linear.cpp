// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/matmul.h"
#include "mellow/kernels/cpu/column_sums.h"
#include "mellow/kernels/cpu/dispatch.h"
#include "mellow/kernels/cpu/parallel.h"
#include "mellow/kernels/cpu/product.h"

namespace mellow {
namespace {

template <class T>
void repeat_row(const Cpu& cpu, const T* row, const cpu::Rows& to, T* y) {
  cpu::parallel_for(cpu, to.count, 1 + 16384 / (to.width + 1), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) std::copy_n(row, to.width, y + i * to.stride);
  });
}

}  // namespace

void Linear::forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out) {
  x = in[0];
  weight = in[1];
  const cpu::Rows from = cpu::rows_of("linear", x), to = cpu::rows_of("linear", out),
                  w = cpu::rows_of("linear", weight);
  cpu::for_float("linear", out.dtype(), [&]<class T>() {
    if (has_bias) repeat_row(cpu, in[2].data<T>(), to, out.data<T>());
    cpu::product<T>(cpu, {.m = to.count,
                          .n = to.width,
                          .k = from.width,
                          .a = x.data<T>(),
                          .lda = from.stride,
                          .b = weight.data<T>(),
                          .ldb = w.stride,
                          .trans_b = true,
                          .c = out.data<T>(),
                          .ldc = to.stride,
                          .accumulate = has_bias});
  });
}

void Linear::backward(Cpu& cpu, const Tensor& dy, Gradients& gradients) {
  const cpu::Rows up = cpu::rows_of("linear", dy), from = cpu::rows_of("linear", x),
                  w = cpu::rows_of("linear", weight);
  cpu::for_float("linear", dy.dtype(), [&]<class T>() {
    const T* g = dy.data<T>();
    if (gradients.wanted(0)) {
      const auto [dx, add] = gradients.target(0);
      cpu::product<T>(cpu, {.m = up.count,
                            .n = from.width,
                            .k = up.width,
                            .a = g,
                            .lda = up.stride,
                            .b = weight.data<T>(),
                            .ldb = w.stride,
                            .c = dx.template data<T>(),
                            .ldc = cpu::rows_of("linear", dx).stride,
                            .accumulate = add});
    }
    if (gradients.wanted(1)) {
      const auto [dw, add] = gradients.target(1);
      cpu::product<T>(cpu, {.m = up.width,
                            .n = from.width,
                            .k = up.count,
                            .a = g,
                            .lda = up.stride,
                            .trans_a = true,
                            .b = x.data<T>(),
                            .ldb = from.stride,
                            .c = dw.template data<T>(),
                            .ldc = cpu::rows_of("linear", dw).stride,
                            .accumulate = add});
    }
    if (has_bias && gradients.wanted(2)) {
      const auto [db, add] = gradients.target(2);
      cpu::column_sums(cpu, up, g, db.template data<T>(), add);
    }
  });
}

}  // namespace mellow
