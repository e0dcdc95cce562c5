// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/accumulate.h"
#include "mellow/kernels/cuda/bias.h"
#include "mellow/kernels/cuda/divide.cuh"
#include "mellow/kernels/cuda/floats.cuh"
#include "mellow/kernels/cuda/launch.cuh"
#include "mellow/kernels/cuda/operand.h"
#include "mellow/kernels/cuda/partial_sums.h"

namespace mellow::cuda {
namespace {

constexpr int warps = block_size / warp_size;

// One thread per `width` neighbouring columns of a row.
template <int width>
__global__ void bias_forward(int64_t n, float* y, Rows rows, const float* bias) {
  int64_t i = thread_index();
  if (i >= n) return;
  i *= width;
  const int64_t row = divide(i, rows.width), c = i - row * rows.width;
  store(*floats_at<width>(y + row * rows.stride + c), *floats_at<width>(bias + c), true);
}

// A block sums one part of the rows for 32 columns: a lane per column, the warps take rows in turns.
// Grid: (columns / 32, parts). sums is [parts, columns].
__global__ void column_sums_kernel(const float* x, Rows rows, int64_t rows_per_part, float* sums) {
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
  const Rows rows = rows_of("bias", y);
  float *const to = f32("bias", y), *const from = f32("bias", bias);
  const bool wide = in_fours(to, {rows.width, rows.stride}) && in_fours(from, {});
  launch_1d(cuda, wide ? bias_forward<4> : bias_forward<1>, y.count() / (wide ? 4 : 1), to, rows, from);
}

}  // namespace mellow::cuda

namespace mellow {

void column_sums(Cuda& cuda, const Tensor& x, const Tensor& sums, bool add) {
  const cuda::Rows rows = cuda::rows_of("column_sums", x);
  const cuda::Parts parts = cuda::parts_of(rows.count, 256, rows.width);
  const cuda::Scratch of_parts(cuda, static_cast<size_t>(parts.count * rows.width) * sizeof(float));
  const dim3 grid(cuda::blocks_for(rows.width, cuda::warp_size), static_cast<unsigned>(parts.count));
  cuda::launch_grid(cuda, cuda::column_sums_kernel, grid, cuda::block_size, 0, cuda::f32("column_sums", x),
                    rows, parts.each(), of_parts.data<float>());
  cuda::add_parts(cuda,
                  {of_parts.data<float>(), parts.count, rows.width, cuda::f32("column_sums", sums), add});
}

}  // namespace mellow
