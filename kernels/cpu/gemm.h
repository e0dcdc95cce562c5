// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include "mellow/kernels/cpu/kernel_options.h"

namespace mellow::cpu {

// batch products of row-major matrices: C = op(A) · op(B), or C += op(A) · op(B), with op(A) [m, k], op(B)
// [k, n], C [m, n]. trans_a means A is stored [k, m], trans_b that B is stored [n, k]; lda, ldb and ldc are
// the elements between stored rows, a_batch, b_batch and c_batch those between products (a_batch or b_batch
// 0: all share one matrix).
template <class T>
struct Gemm {
  int64_t m, n, k;
  const T* a;
  int64_t lda;
  bool trans_a = false;
  const T* b;
  int64_t ldb;
  bool trans_b = false;
  T* c;
  int64_t ldc;
  bool accumulate = false;
  int64_t batch = 1, a_batch = 0, b_batch = 0, c_batch = 0;
};

// Bytes of workspace gemm() needs; the pointers are not read. T is float or double.
// Throws Error for negative sizes, row strides below the columns, and options that cannot be run.
template <class T>
size_t gemm_workspace(const Gemm<T>& product, const KernelOptions& options);

// Throws as gemm_workspace does, and when the workspace is too small. k = 0 gives zeros.
template <class T>
void gemm(const Gemm<T>& product, const KernelOptions& options);

}  // namespace mellow::cpu
