// SPDX-License-Identifier: MIT
#include <algorithm>

#include "mellow/kernels/cuda/launch.cuh"
#include "mellow/kernels/cuda/partial_sums.h"

namespace mellow::cuda {
namespace {

struct AllSums {
  PartialSums at[most_partial_sums];
};

// One thread per sum, those of at[0] first.
__global__ void add_parts_kernel(int64_t n, const __grid_constant__ AllSums sums) {
  int64_t i = thread_index();
  if (i >= n) return;
  int which = 0;
  for (; i >= sums.at[which].n; ++which) i -= sums.at[which].n;
  const PartialSums& s = sums.at[which];
  float sum = 0;
  for (int64_t p = 0; p < s.part_count; ++p) sum += s.parts[p * s.n + i];
  s.out[i] = s.add ? s.out[i] + sum : sum;
}

}  // namespace

void add_parts(Cuda& cuda, std::span<const PartialSums> sums) {
  MELLOW_CHECK(sums.size() <= most_partial_sums, "[add_parts] ", sums.size(), " sums at once, at most ",
               most_partial_sums);
  AllSums all{};
  std::copy(sums.begin(), sums.end(), all.at);
  int64_t n = 0;
  for (const PartialSums& s : sums) n += s.n;
  launch_1d(cuda, add_parts_kernel, n, all);
}

}  // namespace mellow::cuda
