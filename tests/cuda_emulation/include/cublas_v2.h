// SPDX-License-Identifier: MIT
#pragma once

// The names of cuBLAS that kernels/cuda/{check,state}.h mention.
enum cublasStatus_t { CUBLAS_STATUS_SUCCESS };
using cublasHandle_t = struct FakeCublas*;
inline cublasStatus_t cublasDestroy_v2(cublasHandle_t) { return CUBLAS_STATUS_SUCCESS; }
inline const char* cublasGetStatusString(cublasStatus_t) { return "emulated"; }
