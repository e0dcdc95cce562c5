// SPDX-License-Identifier: MIT
#include "mellow/kernels/cuda/conv1d_pass.h"
#include "mellow/kernels/cuda/divide.cuh"
#include "mellow/kernels/cuda/launch.cuh"
#include "mellow/kernels/cuda/partial_sums.h"

// y[b, t, o] = Σ over taps and the group's channels of x[b, t · stride + tap · dilation − pad_left, c] · w[o,
// tap, c]. A «term» is one (tap, c) of that sum, counted tap · group_inputs + c as w stores them.
namespace mellow::cuda {
namespace {

constexpr int warps = block_size / warp_size;
constexpr int steps_per_warp = 8;  // outputs in time that share one read of a weight
constexpr int steps_per_block = steps_per_warp * warps;
constexpr int terms_in_shared = 64;  // weights of a block's 32 channels staged at a time
constexpr int terms_per_block = 4;   // weight gradients that share one read of dy

// 32 output channels (a lane each) × 64 steps (8 per warp) of one series per block. Weights come through
// shared memory, because lanes walk them with a stride; x is one address per warp. Grid: (series ·
// ⌈out_length / 64⌉, ⌈out_channels / 32⌉).
__global__ void direct_forward(ConvSizes s, Plane x, const float* w, Plane y) {
  __shared__ float weights[terms_in_shared][warp_size + 1];
  const int lane = static_cast<int>(threadIdx.x) % warp_size,
            warp = static_cast<int>(threadIdx.x) / warp_size;
  const int64_t tiles = (s.out_length + steps_per_block - 1) / steps_per_block;
  const int64_t item = blockIdx.x / tiles;
  const int64_t first = blockIdx.x % tiles * steps_per_block + warp * steps_per_warp;
  const int64_t first_out = static_cast<int64_t>(blockIdx.y) * warp_size, out = first_out + lane;
  const int64_t inputs = s.group_inputs(), terms = s.width * inputs;
  const int64_t group = out < s.out_channels ? out / (s.out_channels / s.groups) : 0;
  const float* series = x.data + item * x.item_stride + group * inputs;
  float sums[steps_per_warp] = {};
  int64_t tap = 0, c = 0;
  for (int64_t base = 0; base < terms; base += terms_in_shared) {
    const int64_t here = terms - base < terms_in_shared ? terms - base : terms_in_shared;
    __syncthreads();  // the weights before these have been used
    for (int i = static_cast<int>(threadIdx.x); i < warp_size * terms_in_shared; i += block_size) {
      const int term = i % terms_in_shared, row = i / terms_in_shared;
      if (term < here)
        weights[term][row] =
            first_out + row < s.out_channels ? w[(first_out + row) * terms + base + term] : 0;
    }
    __syncthreads();
    for (int term = 0; term < here; ++term) {
      const float weight = weights[term][lane];
      int64_t at = first * s.stride + tap * s.dilation - s.pad_left;
      for (int j = 0; j < steps_per_warp; ++j, at += s.stride)
        if (at >= 0 && at < s.length) sums[j] += weight * series[at * x.step_stride + c];
      if (++c == inputs) {
        c = 0;
        ++tap;
      }
    }
  }
  if (out >= s.out_channels) return;
  for (int j = 0; j < steps_per_warp && first + j < s.out_length; ++j)
    y.data[item * y.item_stride + (first + j) * y.step_stride + out] = sums[j];
}

// One thread per element of dx.
__global__ void direct_backward_data(int64_t n, ConvSizes s, Plane dy, const float* w, Plane dx, bool add) {
  const int64_t i = thread_index();
  if (i >= n) return;
  const int64_t row = divide(i, s.in_channels), channel = i - row * s.in_channels;
  const int64_t item = divide(row, s.length), at = row - item * s.length;
  const int64_t inputs = s.group_inputs(), outputs = s.out_channels / s.groups;
  const int64_t first_out = channel / inputs * outputs, c = channel % inputs;
  float sum = 0;
  for (int64_t tap = 0; tap < s.width; ++tap) {
    const int64_t moved = at + s.pad_left - tap * s.dilation;
    if (moved < 0) break;  // later taps reach further back
    const int64_t step = divide(moved, s.stride);
    if (step * s.stride != moved || step >= s.out_length) continue;
    const float* up = dy.data + item * dy.item_stride + step * dy.step_stride + first_out;
    const float* weight = w + (first_out * s.width + tap) * inputs + c;
    for (int64_t o = 0; o < outputs; ++o) sum += up[o] * weight[o * s.width * inputs];
  }
  float& place = dx.data[item * dx.item_stride + at * dx.step_stride + channel];
  place = add ? place + sum : sum;
}

// 32 output channels (a lane each) × 4 terms per block, over one part of all output steps, which the warps
// take in turns. Grid: (⌈terms / 4⌉, ⌈out_channels / 32⌉, parts). sums is [parts, out_channels, terms].
__global__ void direct_backward_filter(ConvSizes s, Plane dy, Plane x, int64_t steps_per_part, float* sums) {
  __shared__ float of_warp[warps][terms_per_block][warp_size];
  const int lane = static_cast<int>(threadIdx.x) % warp_size,
            warp = static_cast<int>(threadIdx.x) / warp_size;
  const int64_t out = static_cast<int64_t>(blockIdx.y) * warp_size + lane;
  const int64_t inputs = s.group_inputs(), terms = s.width * inputs;
  const int64_t first_term = static_cast<int64_t>(blockIdx.x) * terms_per_block;
  const int64_t begin = blockIdx.z * steps_per_part, all = s.batch * s.out_length;
  const int64_t end = begin + steps_per_part < all ? begin + steps_per_part : all;
  const bool real = out < s.out_channels;
  const int64_t first_in = real ? out / (s.out_channels / s.groups) * inputs : 0;
  int64_t reach[terms_per_block], channel[terms_per_block];  // of each term; divided once, not at every step
#pragma unroll
  for (int j = 0; j < terms_per_block; ++j) {
    const int64_t tap = divide(first_term + j, inputs);
    reach[j] = tap * s.dilation - s.pad_left;
    channel[j] = first_term + j - tap * inputs;
  }
  float of_term[terms_per_block] = {};
  for (int64_t step = begin + warp; real && step < end; step += warps) {
    const int64_t item = divide(step, s.out_length), t = step - item * s.out_length;
    const float up = dy.data[item * dy.item_stride + t * dy.step_stride + out];
    const float* series = x.data + item * x.item_stride + first_in;
#pragma unroll
    for (int j = 0; j < terms_per_block; ++j) {
      const int64_t at = t * s.stride + reach[j];
      if (at >= 0 && at < s.length && first_term + j < terms)
        of_term[j] += up * series[at * x.step_stride + channel[j]];
    }
  }
  for (int j = 0; j < terms_per_block; ++j) of_warp[warp][j][lane] = of_term[j];
  __syncthreads();
  if (warp >= terms_per_block || !real || first_term + warp >= terms) return;
  float sum = 0;  // warp j adds up term j
  for (int other = 0; other < warps; ++other) sum += of_warp[other][warp][lane];
  sums[(blockIdx.z * s.out_channels + out) * terms + first_term + warp] = sum;
}

void forward(Cuda& cuda, const ConvWork& work) {
  const ConvSizes& s = work.sizes;
  const int64_t tiles = (s.out_length + steps_per_block - 1) / steps_per_block;
  const dim3 grid(blocks_for(s.batch * tiles, 1), blocks_for(s.out_channels, warp_size));
  launch_grid(cuda, direct_forward, grid, block_size, 0, s, work.x, work.w.data, work.y);
}

void backward_filter(Cuda& cuda, const ConvWork& work) {
  const ConvSizes& s = work.sizes;
  const int64_t terms = s.width * s.group_inputs(), weights = s.out_channels * terms;
  const Parts parts = parts_of(s.batch * s.out_length, 1024, weights);
  const Scratch sums(cuda, static_cast<size_t>(parts.count * weights) * sizeof(float));
  const dim3 grid(blocks_for(terms, terms_per_block), blocks_for(s.out_channels, warp_size),
                  static_cast<unsigned>(parts.count));
  launch_grid(cuda, direct_backward_filter, grid, block_size, 0, s, work.y, work.x, parts.each(),
              sums.data<float>());
  add_parts(cuda, {sums.data<float>(), parts.count, weights, work.w.data, work.add});
}

}  // namespace

void conv1d_direct(Cuda& cuda, const ConvWork& work) {
  const ConvSizes& s = work.sizes;
  switch (work.pass) {
    case ConvPass::forward: return forward(cuda, work);
    case ConvPass::backward_data:
      return launch_1d(cuda, direct_backward_data, work.x.count(), s, work.y, work.w.data, work.x, work.add);
    case ConvPass::backward_filter: return backward_filter(cuda, work);
  }
}

}  // namespace mellow::cuda
