// SPDX-License-Identifier: MIT
// Stands in for cuBLAS: the product by its definition, in columns, after the checks that cuBLAS documents.
#include <algorithm>

#include <cublas_v2.h>

#include "mellow/tests/cuda_emulation/runtime.h"

struct FakeCublas {
  cudaStream_t stream = nullptr;
  void* workspace = nullptr;
};

namespace {

// A column-major matrix as it lies, read as op(x).
struct Operand {
  const float* data;
  bool transposed;
  int64_t leading;
  float at(int64_t row, int64_t column) const {
    return transposed ? data[row * leading + column] : data[column * leading + row];
  }
};

cublasStatus_t status_of(cudaError_t status) {
  return status == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}

}  // namespace

cublasStatus_t cublasCreate(cublasHandle_t* handle) {
  *handle = new FakeCublas;
  return status_of(mellow::emulation::wait_for_device());
}
cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
  delete handle;
  return status_of(mellow::emulation::wait_for_device());
}
cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream) {
  *handle = {stream, nullptr};  // the workspace is cuBLAS's own again
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetWorkspace(cublasHandle_t handle, void* workspace, size_t) {
  handle->workspace = workspace;
  return CUBLAS_STATUS_SUCCESS;
}
const char* cublasGetStatusString(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS: return "success";
    case CUBLAS_STATUS_INVALID_VALUE: return "an unsupported value or parameter";
    default: return "the GPU program failed to execute";
  }
}

cublasStatus_t cublasGemmStridedBatchedEx_64(cublasHandle_t handle, cublasOperation_t transpose_a,
                                             cublasOperation_t transpose_b, int64_t m, int64_t n, int64_t k,
                                             const void* alpha, const void* a, cudaDataType, int64_t lda,
                                             int64_t a_stride, const void* b, cudaDataType, int64_t ldb,
                                             int64_t b_stride, const void* beta, void* c, cudaDataType,
                                             int64_t ldc, int64_t c_stride, int64_t count,
                                             cublasComputeType_t, cublasGemmAlgo_t) {
  const bool ta = transpose_a == CUBLAS_OP_T, tb = transpose_b == CUBLAS_OP_T;
  if (m < 0 || n < 0 || k < 0 || count < 0 || lda < std::max<int64_t>(1, ta ? k : m) ||
      ldb < std::max<int64_t>(1, tb ? n : k) || ldc < std::max<int64_t>(1, m))
    return CUBLAS_STATUS_INVALID_VALUE;
  if (handle->workspace == nullptr) return CUBLAS_STATUS_EXECUTION_FAILED;  // it would allocate
  const float factor = *static_cast<const float*>(alpha), kept = *static_cast<const float*>(beta);
  return status_of(mellow::emulation::enqueue(handle->stream, [=] {
    for (int64_t item = 0; item < count; ++item) {
      const Operand x = {static_cast<const float*>(a) + item * a_stride, ta, lda},
                    y = {static_cast<const float*>(b) + item * b_stride, tb, ldb};
      float* const result = static_cast<float*>(c) + item * c_stride;
      for (int64_t column = 0; column < n; ++column)
        for (int64_t row = 0; row < m; ++row) {
          float sum = 0;
          for (int64_t i = 0; i < k; ++i) sum += x.at(row, i) * y.at(i, column);
          float& place = result[column * ldc + row];
          place = kept == 0 ? factor * sum : factor * sum + kept * place;
        }
    }
  }));
}
