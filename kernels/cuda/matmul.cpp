// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/matmul.h"

#include <algorithm>

#include "mellow/engine/ops/accumulate.h"
#include "mellow/kernels/cuda/bias.h"
#include "mellow/kernels/cuda/operand.h"
#include "mellow/kernels/cuda/state.h"

namespace mellow {
namespace {

// A batch of row-major matrices as stored; strides in elements.
struct Matrices {
  float* data;
  int64_t count, rows, columns, row_stride, stride;
};

// x […, columns] as one matrix of its rows.
Matrices rows_matrix(const char* where, const Tensor& x) {
  const cuda::Rows rows = cuda::rows_of(where, x);
  return {cuda::f32(where, x), 1, rows.count, rows.width, rows.stride, 0};
}

// x [rows, columns] or [batch, rows, columns].
Matrices matrices(const char* where, const Tensor& x) {
  if (x.rank() == 2) return rows_matrix(where, x);
  MELLOW_CHECK(x.dim(2) <= 1 || x.stride(2) == 1, "[", where, "] the last dimension of ", x.shape(),
               " must be dense");
  return {cuda::f32(where, x), x.dim(0), x.dim(1), x.dim(2), x.stride(1), x.stride(0)};
}

cublasComputeType_t compute_type(Precision precision) {
  switch (precision) {
    case Precision::tf32: return CUBLAS_COMPUTE_32F_FAST_TF32;
    case Precision::bf16: return CUBLAS_COMPUTE_32F_FAST_16BF;
    default: return CUBLAS_COMPUTE_32F;
  }
}

int64_t leading(const Matrices& x) { return std::max<int64_t>({1, x.row_stride, x.columns}); }

// c (+)= op(a) · op(b), where op transposes what is flagged. cuBLAS counts in columns: it is given
// cᵀ = op(b)ᵀ · op(a)ᵀ, whose columns are our rows.
void multiply(Cuda& cuda, const Matrices& a, bool transpose_a, const Matrices& b, bool transpose_b,
              const Matrices& c, bool add) {
  if (c.count == 0 || c.rows == 0 || c.columns == 0) return;
  const float one = 1, kept = add ? 1 : 0;
  const int64_t inner = transpose_a ? a.rows : a.columns;
  CUDA_CHECK(cublasGemmStridedBatchedEx_64(
      cuda::cublas_of(cuda), transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N, transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N,
      c.columns, c.rows, inner, &one, b.data, CUDA_R_32F, leading(b), b.stride, a.data, CUDA_R_32F,
      leading(a), a.stride, &kept, c.data, CUDA_R_32F, leading(c), c.stride, c.count,
      compute_type(cuda.precision()), CUBLAS_GEMM_DEFAULT));
}

}  // namespace

void matmul_into(Cuda& cuda, const Tensor& a, bool transpose_a, const Tensor& b, bool transpose_b,
                 const Tensor& c, bool add) {
  multiply(cuda, matrices("matmul", a), transpose_a, matrices("matmul", b), transpose_b,
           matrices("matmul", c), add);
}

void Matmul::forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out) {
  a = in[0];
  b = in[1];
  matmul_into(cuda, a, transpose_a, b, transpose_b, out, false);
}

void Matmul::backward(Cuda& cuda, const Tensor& dy, Gradients& gradients) {
  const Matrices up = matrices("matmul", dy), left = matrices("matmul", a), right = matrices("matmul", b);
  if (gradients.wanted(0)) {
    const auto [place, add] = gradients.target(0);
    const Matrices da = matrices("matmul", place);
    if (transpose_a)
      multiply(cuda, right, transpose_b, up, true, da, add);
    else
      multiply(cuda, up, false, right, !transpose_b, da, add);
  }
  if (gradients.wanted(1)) {
    const auto [place, add] = gradients.target(1);
    const Matrices db = matrices("matmul", place);
    if (transpose_b)
      multiply(cuda, up, true, left, transpose_a, db, add);
    else
      multiply(cuda, left, !transpose_a, up, false, db, add);
  }
}

void Linear::forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out) {
  x = in[0];
  weight = in[1];
  multiply(cuda, rows_matrix("linear", x), false, rows_matrix("linear", weight), true,
           rows_matrix("linear", out), false);
  if (has_bias) cuda::add_bias(cuda, out, in[2]);
}

void Linear::backward(Cuda& cuda, const Tensor& dy, Gradients& gradients) {
  const Matrices up = rows_matrix("linear", dy);
  if (gradients.wanted(0)) {
    const auto [dx, add] = gradients.target(0);
    multiply(cuda, up, false, rows_matrix("linear", weight), false, rows_matrix("linear", dx), add);
  }
  if (gradients.wanted(1)) {
    const auto [dw, add] = gradients.target(1);
    multiply(cuda, up, true, rows_matrix("linear", x), false, rows_matrix("linear", dw), add);
  }
  if (has_bias && gradients.wanted(2)) {
    const auto [db, add] = gradients.target(2);
    column_sums(cuda, dy, db, add);
  }
}

}  // namespace mellow
