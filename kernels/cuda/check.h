// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <utility>

#include <cublas_v2.h>
#include <cuda_runtime_api.h>

#include "mellow/engine/core/error.h"

namespace mellow::cuda {

// Throws Error(device) that names the call and says what to do where that is known.
[[noreturn]] void fail(const char* call, const std::string& status);
std::string explain(cudaError_t status);

inline void check(cudaError_t status, const char* call) {
  if (status != cudaSuccess) fail(call, explain(status));
}
inline void check(cublasStatus_t status, const char* call) {
  if (status != CUBLAS_STATUS_SUCCESS) fail(call, cublasGetStatusString(status));
}

// Owns one library object; `destroy` is the library's own function.
template <class T, auto destroy>
class Handle {
 public:
  Handle() = default;
  explicit Handle(T value) : value_(value) {}
  Handle(Handle&& o) noexcept : value_(std::exchange(o.value_, nullptr)) {}
  Handle& operator=(Handle&& o) noexcept {
    std::swap(value_, o.value_);
    return *this;
  }
  ~Handle() {
    if (value_ != nullptr) destroy(value_);
  }
  operator T() const { return value_; }
  // Where a create call puts a new object; the handle must be empty.
  T* out() { return &value_; }

 private:
  T value_ = nullptr;
};

using Stream = Handle<cudaStream_t, cudaStreamDestroy>;
using Event = Handle<cudaEvent_t, cudaEventDestroy>;
using Graph = Handle<cudaGraph_t, cudaGraphDestroy>;
using GraphExec = Handle<cudaGraphExec_t, cudaGraphExecDestroy>;
using Cublas = Handle<cublasHandle_t, cublasDestroy_v2>;
using Pinned = Handle<void*, cudaFreeHost>;

}  // namespace mellow::cuda

// Throws unless a call of the CUDA runtime, cuBLAS or (in the unit that sees it) cuDNN succeeded.
#define CUDA_CHECK(call) ::mellow::cuda::check((call), #call)
