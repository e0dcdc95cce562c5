// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/cast.h"
#include "mellow/kernels/cuda/bf16.cuh"
#include "mellow/kernels/cuda/launch.cuh"

namespace mellow {
namespace {

// One thread per element, in both.
__global__ void narrow(int64_t n, const float* from, bfloat16* to) {
  const int64_t i = cuda::thread_index();
  if (i < n) to[i] = cuda::rounded(from[i]);
}

__global__ void widen(int64_t n, const bfloat16* from, float* to) {
  const int64_t i = cuda::thread_index();
  if (i < n) to[i] = cuda::widened(from[i]);
}

void cast_to(Cuda& device, const Tensor& x, const Tensor& y) {
  if (y.dtype() == DType::bf16)
    cuda::launch_1d(device, narrow, y.count(), x.data<float>(), y.data<bfloat16>());
  else
    cuda::launch_1d(device, widen, y.count(), x.data<bfloat16>(), y.data<float>());
}

}  // namespace

void Cast::forward(Cuda& device, std::span<const Tensor> in, const Tensor& out) {
  cast_to(device, in[0], out);
}

void Cast::backward(Cuda& device, const Tensor& dy, Gradients& gradients) {
  if (gradients.wanted(0)) cast_to(device, dy, gradients.fresh(0));
}

}  // namespace mellow
