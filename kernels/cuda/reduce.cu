// SPDX-License-Identifier: MIT
#include <algorithm>

#include "mellow/engine/ops/reduce.h"
#include "mellow/kernels/cuda/elementwise.cuh"
#include "mellow/kernels/cuda/reduce.cuh"
#include "mellow/kernels/cuda/series.cuh"

namespace mellow {
namespace {

// A block over time: 32 neighbouring channels side by side (coalesced), 8 lanes that share the steps.
constexpr int tile_channels = 32, time_lanes = 8;

struct TimeBlock {
  int64_t series;
  int channel, column, lane;
  __device__ explicit TimeBlock(int channels) {
    const int tiles = (channels + tile_channels - 1) / tile_channels;
    column = static_cast<int>(threadIdx.x) % tile_channels;
    lane = static_cast<int>(threadIdx.x) / tile_channels;
    series = blockIdx.x / tiles;
    channel = static_cast<int>(blockIdx.x) % tiles * tile_channels + column;
  }
};

// x [batch, length, channels] → y [batch, channels].
__global__ void mean_over_time_forward(cuda::Series x, float* y) {
  const TimeBlock at(x.channels);
  float sum = 0;
  if (at.channel < x.channels)
    for (int t = at.lane; t < x.length; t += time_lanes) sum += x.at(at.series, t, at.channel);
  __shared__ float sums[time_lanes][tile_channels];
  sums[at.lane][at.column] = sum;
  __syncthreads();
  if (at.lane != 0 || at.channel >= x.channels) return;
  for (int k = 1; k < time_lanes; ++k) sum += sums[k][at.column];
  y[at.series * x.channels + at.channel] = sum / static_cast<float>(x.length);
}

// Whether step `t` with value v comes before the winner so far: NaN first, then the larger, then the earlier.
__device__ bool wins(float v, int t, float best, int best_step) {
  if (isnan(v) || isnan(best)) return isnan(v) && (!isnan(best) || t < best_step);
  return v > best || (v == best && t < best_step);
}

// x [batch, length, channels] → y and winner [batch, channels].
__global__ void max_over_time_forward(cuda::Series x, float* y, int32_t* winner) {
  const TimeBlock at(x.channels);
  float best = -INFINITY;
  int step = x.length;
  if (at.channel < x.channels)
    for (int t = at.lane; t < x.length; t += time_lanes)
      if (const float v = x.at(at.series, t, at.channel); wins(v, t, best, step)) best = v, step = t;
  __shared__ float values[time_lanes][tile_channels];
  __shared__ int steps[time_lanes][tile_channels];
  values[at.lane][at.column] = best;
  steps[at.lane][at.column] = step;
  __syncthreads();
  if (at.lane != 0 || at.channel >= x.channels) return;
  for (int k = 1; k < time_lanes; ++k)
    if (wins(values[k][at.column], steps[k][at.column], best, step))
      best = values[k][at.column], step = steps[k][at.column];
  y[at.series * x.channels + at.channel] = best;
  winner[at.series * x.channels + at.channel] = step;
}

// One thread per element of dx; dy [batch, channels] with rows `stride` apart.
__global__ void mean_over_time_backward(int64_t n, cuda::Series dx, bool add, const float* dy,
                                        int64_t stride) {
  const int64_t i = cuda::thread_index();
  if (i >= n) return;
  const auto [b, t, c] = dx.place(i);
  const float value = dy[b * stride + c] / static_cast<float>(dx.length);
  float& place = dx.at(b, t, c);
  place = add ? place + value : value;
}

__global__ void max_over_time_backward(int64_t n, cuda::Series dx, bool add, const float* dy, int64_t stride,
                                       const int32_t* winner) {
  const int64_t i = cuda::thread_index();
  if (i >= n) return;
  const auto [b, t, c] = dx.place(i);
  const float value = winner[b * dx.channels + c] == t ? dy[b * stride + c] : 0.0f;
  float& place = dx.at(b, t, c);
  place = add ? place + value : value;
}

// Block k of `gridDim.x`: partial[k] := sum of every gridDim.x-th group of 256 elements.
__global__ void partial_sums(int64_t n, cuda::Reading x, float* partial) {
  float sum = 0;
  for (int64_t i = cuda::thread_index(); i < n; i += int64_t{gridDim.x} * blockDim.x) sum += x[i];
  sum = cuda::block_sum(sum);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

// One block: y[0] := factor · Σ partial.
__global__ void sum_partials(int64_t count, const float* partial, float factor, float* y) {
  float sum = 0;
  for (int64_t i = threadIdx.x; i < count; i += blockDim.x) sum += partial[i];
  sum = cuda::block_sum(sum);
  if (threadIdx.x == 0) y[0] = factor * sum;
}

// dx[i] (+)= factor · dy[0].
__global__ void sum_backward(int64_t n, cuda::Writing dx, const float* dy, float factor) {
  const int64_t i = cuda::thread_index();
  if (i < n) dx.put(i, factor * dy[0]);
}

template <class... P, class... A>
void launch_over_time(Cuda& cuda, void (*kernel)(cuda::Series, P...), const cuda::Series& x, A... args) {
  const int64_t tiles = (x.channels + tile_channels - 1) / tile_channels;
  cuda::launch_rows(cuda, kernel, x.batch * tiles, tile_channels * time_lanes, 0, x, args...);
}

}  // namespace

void MeanOverTime::forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out) {
  length = in[0].dim(1);
  launch_over_time(cuda, mean_over_time_forward, cuda::Series("mean_over_time", in[0]),
                   cuda::f32("mean_over_time", out));
}

void MeanOverTime::backward(Cuda& cuda, const Tensor& dy, Gradients& gradients) {
  const auto [place, add] = gradients.target(0);
  const cuda::Series dx("mean_over_time", place);
  cuda::launch_1d(cuda, mean_over_time_backward, dx.count(), dx, add, cuda::f32("mean_over_time", dy),
                  cuda::rows_of("mean_over_time", dy).stride);
}

void MaxOverTime::forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out) {
  winner = Tensor::empty(out.context(), out.shape(), DType::i32);
  launch_over_time(cuda, max_over_time_forward, cuda::Series("max_over_time", in[0]),
                   cuda::f32("max_over_time", out), winner.data<int32_t>());
}

void MaxOverTime::backward(Cuda& cuda, const Tensor& dy, Gradients& gradients) {
  const auto [place, add] = gradients.target(0);
  const cuda::Series dx("max_over_time", place);
  cuda::launch_1d(cuda, max_over_time_backward, dx.count(), dx, add, cuda::f32("max_over_time", dy),
                  cuda::rows_of("max_over_time", dy).stride, winner.data<int32_t>());
}

void Sum::forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out) {
  constexpr int64_t most_blocks = 256;
  const int64_t n = in[0].count(),
                blocks = std::min<int64_t>(most_blocks, cuda::blocks_for(n, 4 * cuda::block_size));
  const cuda::Scratch partial(cuda, static_cast<size_t>(blocks) * sizeof(float));
  cuda::launch_rows(cuda, partial_sums, blocks, cuda::block_size, 0, n, cuda::Reading("sum", in[0]),
                    partial.data<float>());
  cuda::launch_rows(cuda, sum_partials, 1, cuda::block_size, 0, blocks, partial.data<float>(),
                    static_cast<float>(factor), cuda::f32("sum", out));
}

void Sum::backward(Cuda& cuda, const Tensor& dy, Gradients& gradients) {
  const auto [dx, add] = gradients.target(0);
  cuda::launch_1d(cuda, sum_backward, dx.count(), cuda::Writing("sum", dx, add), cuda::f32("sum", dy),
                  static_cast<float>(factor));
}

}  // namespace mellow
