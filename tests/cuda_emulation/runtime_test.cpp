// SPDX-License-Identifier: MIT
// The stand-in for the CUDA runtime must refuse what a GPU would refuse while a stream records.
#include <functional>
#include <thread>
#include <vector>

#include <cublas_v2.h>
#include <doctest/doctest.h>

#include "mellow/tests/cuda_emulation/runtime.h"

using namespace mellow;

namespace {

// What the end of a recording says that `work` went on in.
cudaError_t after(const std::function<void(cudaStream_t)>& work,
                  cudaStreamCaptureMode mode = cudaStreamCaptureModeThreadLocal) {
  cudaStream_t stream = nullptr;
  cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
  cudaStreamBeginCapture(stream, mode);
  work(stream);
  cudaGraph_t graph = nullptr;
  const cudaError_t status = cudaStreamEndCapture(stream, &graph);
  CHECK((graph != nullptr) == (status == cudaSuccess));
  if (graph != nullptr) cudaGraphDestroy(graph);
  cudaStreamDestroy(stream);
  return status;
}

void take_memory() {
  void* block = nullptr;
  if (cudaMalloc(&block, 8) == cudaSuccess) cudaFree(block);
}

}  // namespace

TEST_CASE("emulated runtime: what is recorded runs when the graph does") {
  cudaStream_t stream = nullptr;
  cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
  int runs = 0;
  cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal);
  emulation::enqueue(stream, [&] { ++runs; });
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  CHECK(cudaStreamEndCapture(stream, &graph) == cudaSuccess);
  cudaGraphInstantiate(&executable, graph, 0);
  cudaGraphDestroy(graph);
  CHECK(runs == 0);
  for (int i = 1; i <= 3; ++i) {
    cudaGraphLaunch(executable, stream);
    CHECK(runs == i);
  }
  cudaGraphExecDestroy(executable);
  cudaStreamDestroy(stream);
}

TEST_CASE("emulated runtime: memory is taken while recording in relaxed mode alone") {
  CHECK(after([](cudaStream_t) { take_memory(); }) == cudaErrorStreamCaptureInvalidated);
  CHECK(after([](cudaStream_t) { take_memory(); }, cudaStreamCaptureModeRelaxed) == cudaSuccess);
  CHECK(after([](cudaStream_t) {
          auto mode = cudaStreamCaptureModeRelaxed;
          cudaThreadExchangeStreamCaptureMode(&mode);
          take_memory();
          cudaThreadExchangeStreamCaptureMode(&mode);
        }) == cudaSuccess);
  const auto elsewhere = [](cudaStream_t) { std::thread(take_memory).join(); };
  CHECK(after(elsewhere) == cudaSuccess);
  CHECK(after(elsewhere, cudaStreamCaptureModeGlobal) == cudaErrorStreamCaptureInvalidated);
}

TEST_CASE("emulated runtime: nobody waits for a stream that records, nor for its device") {
  CHECK(after([](cudaStream_t stream) { cudaStreamSynchronize(stream); }) ==
        cudaErrorStreamCaptureInvalidated);
  CHECK(after([](cudaStream_t stream) {
          cudaEvent_t event = nullptr;
          cudaEventCreate(&event);
          cudaEventRecord(event, stream);
          cudaEventSynchronize(event);
          cudaEventDestroy(event);
        }) == cudaErrorStreamCaptureInvalidated);
  CHECK(after([](cudaStream_t) {
          std::thread([] {
            cublasHandle_t handle = nullptr;
            cublasCreate(&handle);
            cublasDestroy_v2(handle);
          }).join();
        }) == cudaErrorStreamCaptureInvalidated);
}

TEST_CASE("emulated cuBLAS: leading dimensions must hold a column, and the workspace is the caller's") {
  cudaStream_t stream = nullptr;
  cublasHandle_t handle = nullptr;
  cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
  CHECK(cublasCreate(&handle) == CUBLAS_STATUS_SUCCESS);
  cublasSetStream(handle, stream);
  std::vector<float> a(6, 1), b(6, 2), c(4, 0);
  const float one = 1, none = 0;
  const auto multiply = [&](int64_t lda) {
    return cublasGemmStridedBatchedEx_64(handle, CUBLAS_OP_N, CUBLAS_OP_N, 2, 2, 3, &one, a.data(),
                                         CUDA_R_32F, lda, 0, b.data(), CUDA_R_32F, 3, 0, &none, c.data(),
                                         CUDA_R_32F, 2, 0, 1, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT);
  };
  CHECK(multiply(2) == CUBLAS_STATUS_EXECUTION_FAILED);
  cublasSetWorkspace(handle, a.data(), 4);
  CHECK(multiply(1) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(multiply(2) == CUBLAS_STATUS_SUCCESS);
  CHECK(c == std::vector<float>(4, 6));
  cublasSetStream(handle, stream);  // forgets the workspace, as the library does
  CHECK(multiply(2) == CUBLAS_STATUS_EXECUTION_FAILED);
  cublasDestroy_v2(handle);
  cudaStreamDestroy(stream);
}
