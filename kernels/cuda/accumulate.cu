// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/accumulate.h"
#include "mellow/kernels/cuda/elementwise.cuh"

namespace mellow {
namespace {

// One thread per element of x [n].
__global__ void fill_kernel(int64_t n, float* x, float value) {
  const int64_t i = cuda::thread_index();
  if (i < n) x[i] = value;
}

}  // namespace

void accumulate(Cuda& cuda, const Tensor& sum, const Tensor& x) {
  MELLOW_CHECK(sum.shape() == x.shape(), "[accumulate] ", x.shape(), " into ", sum.shape());
  cuda::map(cuda, "accumulate", cuda::Identity{}, sum, true, x);
}

void fill(Cuda& cuda, const Tensor& x, double value) {
  MELLOW_CHECK(x.is_contiguous(), "[fill] needs a contiguous tensor, got strides in ", x.shape());
  cuda::launch_1d(cuda, fill_kernel, x.count(), cuda::f32("fill", x), static_cast<float>(value));
}

}  // namespace mellow
