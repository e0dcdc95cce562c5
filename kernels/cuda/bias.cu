// SPDX-License-Identifier: MIT
#include "mellow/kernels/cuda/bias.h"
#include "mellow/kernels/cuda/launch.cuh"
#include "mellow/kernels/cuda/operand.h"
#include "mellow/kernels/cuda/partial_sums.h"

namespace mellow::cuda {
namespace {

constexpr int warps = block_size / warp_size;

// One thread per element.
__global__ void bias_forward(int64_t n, float* y, Rows rows, const float* bias) {
  const int64_t i = thread_index();
  if (i >= n) return;
  const int64_t row = i / rows.width, c = i % rows.width;
  y[row * rows.stride + c] += bias[c];
}

// A block sums one part of the rows for 32 columns: a lane per column, the warps take rows in turns.
// Grid: (columns / 32, parts). sums is [parts, columns].
__global__ void column_sums(const float* x, Rows rows, int64_t rows_per_part, float* sums) {
  __shared__ float of_warp[warps][warp_size];
  const int lane = static_cast<int>(threadIdx.x) % warp_size,
            warp = static_cast<int>(threadIdx.x) / warp_size;
  const int64_t c = static_cast<int64_t>(blockIdx.x) * warp_size + lane;
  const int64_t begin = blockIdx.y * rows_per_part;
  const int64_t end = begin + rows_per_part < rows.count ? begin + rows_per_part : rows.count;
  float sum = 0;
  if (c < rows.width)
    for (int64_t row = begin + warp; row < end; row += warps) sum += x[row * rows.stride + c];
  of_warp[warp][lane] = sum;
  __syncthreads();
  if (warp != 0 || c >= rows.width) return;
  for (int other = 1; other < warps; ++other) sum += of_warp[other][lane];
  sums[blockIdx.y * rows.width + c] = sum;
}

}  // namespace

void add_bias(Cuda& cuda, const Tensor& y, const Tensor& bias) {
  launch_1d(cuda, bias_forward, y.count(), f32("bias", y), rows_of("bias", y), f32("bias", bias));
}

void bias_backward(Cuda& cuda, const Tensor& dy, const Tensor& sum, bool add) {
  const Rows rows = rows_of("bias", dy);
  const Parts parts = parts_of(rows.count, 256, rows.width);
  const Scratch sums(cuda, static_cast<size_t>(parts.count * rows.width) * sizeof(float));
  const dim3 grid(blocks_for(rows.width, warp_size), static_cast<unsigned>(parts.count));
  launch_grid(cuda, column_sums, grid, block_size, 0, f32("bias", dy), rows, parts.each(),
              sums.data<float>());
  add_parts(cuda, sums.data<float>(), parts.count, rows.width, f32("bias", sum), add);
}

}  // namespace mellow::cuda
