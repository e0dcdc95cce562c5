// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/matmul.h"

#include "mellow/kernels/cpu/dispatch.h"
#include "mellow/kernels/cpu/parallel.h"
#include "mellow/kernels/cpu/product.h"

namespace mellow {
namespace {

// A matrix, or a batch of them, as an operand: its last dimension must be dense.
struct Operand {
  const Tensor& tensor;
  bool transposed;
  Operand(const Tensor& t, bool trans) : tensor(t), transposed(trans) { internal::check_dense("matmul", t); }
  int64_t rows() const { return tensor.dim(transposed ? -1 : -2); }
  int64_t columns() const { return tensor.dim(transposed ? -2 : -1); }
  int64_t row_stride() const { return tensor.dim(-2) > 1 ? tensor.stride(-2) : tensor.dim(-1); }
  int64_t batch_stride() const { return tensor.rank() == 3 ? tensor.stride(0) : 0; }
};

}  // namespace

void matmul_into(Cpu& cpu, const Tensor& left, bool transpose_a, const Tensor& right, bool transpose_b,
                 const Tensor& c, bool add) {
  const Operand a(left, transpose_a), b(right, transpose_b), to(c, false);
  cpu::for_float("matmul", c.dtype(), [&]<class T>() {
    cpu::product<T>(cpu, {.m = to.rows(),
                          .n = to.columns(),
                          .k = a.columns(),
                          .a = a.tensor.data<T>(),
                          .lda = a.row_stride(),
                          .trans_a = a.transposed,
                          .b = b.tensor.data<T>(),
                          .ldb = b.row_stride(),
                          .trans_b = b.transposed,
                          .c = c.data<T>(),
                          .ldc = to.row_stride(),
                          .accumulate = add,
                          .batch = c.rank() == 3 ? c.dim(0) : 1,
                          .a_batch = a.batch_stride(),
                          .b_batch = b.batch_stride(),
                          .c_batch = to.batch_stride()});
  });
}

void Matmul::forward(Cpu& cpu, std::span<const Tensor> in, const Tensor& out) {
  a = in[0];
  b = in[1];
  matmul_into(cpu, a, transpose_a, b, transpose_b, out, false);
}

void Matmul::backward(Cpu& cpu, const Tensor& dy, Gradients& gradients) {
  if (gradients.wanted(0)) {
    const auto [da, add] = gradients.target(0);
    if (transpose_a)
      matmul_into(cpu, b, transpose_b, dy, true, da, add);
    else
      matmul_into(cpu, dy, false, b, !transpose_b, da, add);
  }
  if (gradients.wanted(1)) {
    const auto [db, add] = gradients.target(1);
    if (transpose_b)
      matmul_into(cpu, dy, true, a, transpose_a, db, add);
    else
      matmul_into(cpu, a, !transpose_a, dy, false, db, add);
  }
}

}  // namespace mellow
