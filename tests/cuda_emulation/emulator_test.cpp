// SPDX-License-Identifier: MIT
// The emulator must catch what it is there for: kernels with one mistake each.
#include <vector>

#include <doctest/doctest.h>

#include "mellow/engine/core/context.h"
#include "mellow/kernels/cuda/reduce.cuh"

using namespace mellow;

namespace {

constexpr int block = 96;

// y[i] := x[neighbour of i], through shared memory.
__global__ void rotate(const float* x, float* y, bool wait) {
  __shared__ float values[block];
  const int i = static_cast<int>(threadIdx.x);
  values[i] = x[i];
  if (wait) __syncthreads();
  y[i] = values[(i + 1) % block];
}

__global__ void only_some_wait(int waiting) {
  if (static_cast<int>(threadIdx.x) < waiting) __syncthreads();
}

__global__ void two_barriers() {
  if (threadIdx.x % 2 == 0)
    __syncthreads();
  else
    __syncthreads();
}

__global__ void read_before_writing(float* y) {
  __shared__ float value;
  *y = value;
}

__global__ void sums(const float* x, float* of_warp, float* of_block) {
  const float value = x[threadIdx.x];
  of_warp[threadIdx.x] = cuda::warp_sum(value);
  of_block[threadIdx.x] = cuda::block_sum(value);
}

std::vector<float> ramp() {
  std::vector<float> values(block);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  return values;
}

}  // namespace

TEST_CASE("emulator: a missing barrier changes the result, a present one mends it") {
  Context context({.device = Device::cuda});
  const auto x = ramp();
  std::vector<float> expected = x, got(block);
  for (size_t i = 0; i < expected.size(); ++i) expected[i] = x[(i + 1) % block];
  cuda::launch_grid(context.cuda(), rotate, dim3(1), block, 0, x.data(), got.data(), true);
  CHECK(got == expected);
  cuda::launch_grid(context.cuda(), rotate, dim3(1), block, 0, x.data(), got.data(), false);
  CHECK(got != expected);
}

TEST_CASE("emulator: threads that part at a barrier are an error") {
  Context context({.device = Device::cuda});
  CHECK_NOTHROW(cuda::launch_grid(context.cuda(), only_some_wait, dim3(2), block, 0, block));
  CHECK_THROWS_AS(cuda::launch_grid(context.cuda(), only_some_wait, dim3(2), block, 0, block - 1), Error);
  CHECK_THROWS_AS(cuda::launch_grid(context.cuda(), two_barriers, dim3(1), block, 0), Error);
}

TEST_CASE("emulator: shared memory starts as NaN") {
  Context context({.device = Device::cuda});
  float y = 0;
  cuda::launch_grid(context.cuda(), read_before_writing, dim3(1), 1, 0, &y);
  CHECK(std::isnan(y));
}

TEST_CASE("emulator: grids no GPU takes are an error") {
  Context context({.device = Device::cuda});
  CHECK_THROWS_AS(cuda::launch_grid(context.cuda(), two_barriers, dim3(1, 65536), 1, 0), Error);
  CHECK_THROWS_AS(cuda::launch_grid(context.cuda(), two_barriers, dim3(1), 1025, 0), Error);
}

TEST_CASE("reduce.cuh: sums over warps and blocks reach every thread") {
  Context context({.device = Device::cuda});
  const auto x = ramp();
  std::vector<float> of_warp(block), of_block(block);
  cuda::launch_grid(context.cuda(), sums, dim3(1), block, 0, x.data(), of_warp.data(), of_block.data());
  for (size_t i = 0; i < of_warp.size(); ++i) {
    const auto first = static_cast<float>(i / 32 * 32);
    CHECK(of_warp[i] == 32 * first + 31 * 16);
    CHECK(of_block[i] == block * (block - 1) / 2);
  }
}
