// SPDX-License-Identifier: MIT
#include "mellow/kernels/cuda/launch.cuh"
#include "mellow/kernels/cuda/partial_sums.h"

namespace mellow::cuda {
namespace {

// One thread per sum.
__global__ void add_parts_kernel(int64_t n, const float* parts, int64_t part_count, float* out, bool add) {
  const int64_t i = thread_index();
  if (i >= n) return;
  float sum = 0;
  for (int64_t p = 0; p < part_count; ++p) sum += parts[p * n + i];
  out[i] = add ? out[i] + sum : sum;
}

}  // namespace

void add_parts(Cuda& cuda, const float* parts, int64_t part_count, int64_t n, float* out, bool add) {
  launch_1d(cuda, add_parts_kernel, n, parts, part_count, out, add);
}

}  // namespace mellow::cuda
