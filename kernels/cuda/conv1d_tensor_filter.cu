// SPDX-License-Identifier: MIT
#include <algorithm>

#include "mellow/kernels/cuda/conv1d_tensor.h"
#include "mellow/kernels/cuda/conv1d_window.cuh"
#include "mellow/kernels/cuda/launch.cuh"
#include "mellow/kernels/cuda/operand_words.cuh"
#include "mellow/kernels/cuda/partial_sums.h"

// dw[o, tap, c] = Σ over series and steps t of dy[t, o] · x[t · stride + tap · dilation − pad_left, c]:
// products summed along time, so words hold operands of neighbouring steps.
namespace mellow::cuda {
namespace {

constexpr int steps = 64;         // staged at a time
constexpr int tile = 32;          // output and input channels of a block
constexpr int row_tiles = 2;      // of 16 output channels
constexpr int column_tiles = 4;   // of 8 input channels
constexpr int taps_per_warp = 2;  // that share what is read of dy
constexpr int most_warps = 8;
constexpr int most_taps = most_warps * taps_per_warp;
constexpr int quads = tile / 4;

// Words from row to row: the four rows that one read of a fragment meets lie 8 banks apart.
constexpr int dy_pitch = tile + 8;
template <class Format>
constexpr int x_pitch =
    tile + 8 / Format::per_word;  // its rows are steps, and a word's step is per_word of them

// How a block's warps share the work: tap_warps × shares of them. Warps of one share hold two taps each;
// every share takes its turns along time and has partial sums of its own. Warps beyond these only stage.
struct Division {
  int taps, tap_warps, shares;
  int warps() const { return tap_warps * shares; }
};

// The filter of one branch: its sums are [parts, shares, out_channels, width, in_channels].
struct Filter {
  ConvSizes sizes;
  Plane dy, x;
  Window window;
  Division division;
  unsigned tap_blocks, first_tap_block;  // of the grid's second dimension
  float* sums;
};
struct Filters {
  Filter at[most_branches];
  int count;
  int64_t tiles_per_part;
};

// dy_words[step / per_word][output channel]; zeros beyond the series.
template <class Format>
__device__ void stage_dy(const Plane& dy, const float* from, int64_t first, int64_t left, uint32_t* words) {
#pragma unroll 2
  for (int i = static_cast<int>(threadIdx.x); i < steps / Format::per_word * quads;
       i += static_cast<int>(blockDim.x)) {
    const int row = i / quads, channel = i % quads * 4;
    float4 of_step[Format::per_word];
#pragma unroll
    for (int j = 0; j < Format::per_word; ++j)
      of_step[j] = quad_at(from + channel, first + row * Format::per_word + j, dy.steps, dy.step_stride,
                           channel < left);
    *reinterpret_cast<uint4*>(words + row * dy_pitch + channel) = Format::across(of_step);
  }
}

// x_words[row of the window][input channel]. With two steps to a word, every row begins one: taps of odd
// offsets need the pairs between the pairs.
template <class Format>
__device__ void stage_x(const Plane& x, const Window& window, int64_t stride, const float* from,
                        int64_t first, int64_t left, uint32_t* words) {
  for (int r = 0; r < window.residues; ++r)
#pragma unroll 2
    for (int i = static_cast<int>(threadIdx.x); i < window.rows_each * quads;
         i += static_cast<int>(blockDim.x)) {
      const int row = i / quads, channel = i % quads * 4;
      float4 of_step[Format::per_word];
#pragma unroll
      for (int j = 0; j < Format::per_word; ++j)
        of_step[j] =
            quad_at(from + channel, first + (row + j) * stride + r, x.steps, x.step_stride, channel < left);
      *reinterpret_cast<uint4*>(words + (r * window.rows_each + row) * x_pitch<Format> + channel) =
          Format::across(of_step);
    }
}

using Sums = float[taps_per_warp][row_tiles][column_tiles][4];

// sums += the products of 8 words of steps; `dy` and `x` point at this lane's first word, one x for each tap.
template <class Format>
__device__ void multiply(const uint32_t* dy, const uint32_t* const (&x)[taps_per_warp], int taps,
                         Sums& sums) {
  constexpr int later = 4 * Format::per_word * x_pitch<Format>;  // four words of steps on
  Fragment rows[row_tiles];
#pragma unroll
  for (int m = 0; m < row_tiles; ++m) {
    const uint32_t* at = dy + 16 * m;
    rows[m] = {{at[0], at[8], at[4 * dy_pitch], at[4 * dy_pitch + 8]}};
  }
#pragma unroll
  for (int tap = 0; tap < taps_per_warp; ++tap) {
    if (tap >= taps) break;
#pragma unroll
    for (int n = 0; n < column_tiles; ++n) {
      const uint32_t b0 = x[tap][8 * n], b1 = x[tap][8 * n + later];
#pragma unroll
      for (int m = 0; m < row_tiles; ++m) Format::multiply_add(sums[tap][m][n], rows[m], b0, b1);
    }
  }
}

// Two neighbouring input channels of rows g and g + 8 of each tile, to sums [out_channels, width,
// in_channels].
__device__ void write(const ConvSizes& s, int64_t first_out, int64_t tap, int64_t first_in,
                      const float (&of_tap)[row_tiles][column_tiles][4], float* sums) {
  const int lane = static_cast<int>(threadIdx.x) % warp_size;
#pragma unroll
  for (int m = 0; m < row_tiles; ++m)
#pragma unroll
    for (int n = 0; n < column_tiles; ++n)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int64_t out = first_out + 16 * m + 8 * half + lane / 4, in = first_in + 8 * n + lane % 4 * 2;
        if (out >= s.out_channels || in >= s.in_channels) continue;
        *reinterpret_cast<float2*>(sums + (out * s.width + tap) * s.in_channels + in) = {
            of_tap[m][n][2 * half], of_tap[m][n][2 * half + 1]};
      }
}

// 32 output channels × 32 input channels × up to 16 taps per block, over one part of all tiles of 64 steps;
// dy and the window of x that the taps see are staged once for all taps. Shared memory: 64 steps of dy and
// the window's rows of x, a pitch each, 48 KiB at most. Grid: (⌈in_channels / 32⌉ · ⌈out_channels / 32⌉,
// ⌈width / taps⌉ of all branches, parts).
template <class Format>
__global__ void __launch_bounds__(most_warps* warp_size, 2)
    tensor_filter(const __grid_constant__ Filters filters) {
  int branch = 0;
  while (branch + 1 < filters.count && blockIdx.y >= filters.at[branch + 1].first_tap_block) ++branch;
  const Filter& filter = filters.at[branch];
  const ConvSizes& s = filter.sizes;
  const Plane &dy = filter.dy, &x = filter.x;
  const Window window = filter.window;
  const Division division = filter.division;
  constexpr int depth = 8 * Format::per_word;  // steps of one mma
  uint32_t* const dy_words = dynamic_shared();
  uint32_t* const x_words = dy_words + steps / Format::per_word * dy_pitch;
  const int lane = static_cast<int>(threadIdx.x) % warp_size,
            warp = static_cast<int>(threadIdx.x) / warp_size;
  const int64_t in_tiles = (s.in_channels + tile - 1) / tile;
  const int64_t first_in = blockIdx.x % in_tiles * tile, first_out = blockIdx.x / in_tiles * tile;
  const int64_t block_tap = static_cast<int64_t>(blockIdx.y - filter.first_tap_block) * division.taps;
  const int warp_tap = warp % division.tap_warps * taps_per_warp, share = warp / division.tap_warps;
  const bool multiplies = share < division.shares;
  const int64_t last = block_tap + division.taps < s.width ? block_tap + division.taps : s.width;
  const int taps = static_cast<int>(last - block_tap - warp_tap);  // of this warp, if that many
  const uint32_t* of_tap[taps_per_warp];
#pragma unroll
  for (int tap = 0; tap < taps_per_warp; ++tap)
    of_tap[tap] =
        x_words +
        (TapRow::of(window, tap < taps ? warp_tap + tap : 0).row(window) + lane % 4 * Format::per_word) *
            x_pitch<Format> +
        lane / 4;
  const int64_t tiles = (s.out_length + steps - 1) / steps, begin = blockIdx.z * filters.tiles_per_part;
  const int64_t end = min(begin + filters.tiles_per_part, s.batch * tiles);
  Sums mine = {};
  for (int64_t at = begin; at < end; ++at) {
    const int64_t item = at / tiles, first = at % tiles * steps;
    __syncthreads();  // the steps before have been used
    stage_dy<Format>(dy, dy.data + item * dy.item_stride + first_out, first, s.out_channels - first_out,
                     dy_words);
    stage_x<Format>(x, window, s.stride, x.data + item * x.item_stride + first_in,
                    first * s.stride + block_tap * s.dilation - s.pad_left, s.in_channels - first_in,
                    x_words);
    __syncthreads();
    const int here = static_cast<int>(s.out_length - first < steps ? s.out_length - first : steps);
    for (int step = share * depth; multiplies && step < here; step += division.shares * depth) {
      const uint32_t* of_steps[taps_per_warp];
#pragma unroll
      for (int tap = 0; tap < taps_per_warp; ++tap) of_steps[tap] = of_tap[tap] + step * x_pitch<Format>;
      multiply<Format>(dy_words + (step / Format::per_word + lane % 4) * dy_pitch + lane / 4, of_steps, taps,
                       mine);
    }
  }
  float* const part = filter.sums + (static_cast<int64_t>(blockIdx.z) * division.shares + share) *
                                        s.out_channels * s.width * s.in_channels;
#pragma unroll
  for (int tap = 0; tap < taps_per_warp; ++tap)
    if (multiplies && tap < taps) write(s, first_out, block_tap + warp_tap + tap, first_in, mine[tap], part);
}

template <class Format>
size_t shared_bytes(int64_t window_rows) {
  return static_cast<size_t>(steps / Format::per_word * dy_pitch + window_rows * x_pitch<Format>) *
         sizeof(uint32_t);
}

template <class Format>
Filter filter_of(const ConvWork& work) {
  const ConvSizes& s = work.sizes;
  int64_t tap_blocks = (s.width + most_taps - 1) / most_taps;
  const auto taps = [&] { return (s.width + tap_blocks - 1) / tap_blocks; };
  while (taps() > 1 && shared_bytes<Format>(window_rows(steps, taps(), s.stride, s.dilation)) > window_budget)
    ++tap_blocks;
  const int tap_warps = static_cast<int>(taps() + taps_per_warp - 1) / taps_per_warp;
  const Division division = {static_cast<int>(taps()), tap_warps, most_warps / tap_warps};
  const Window window = window_of(steps, division.taps, s.stride, s.dilation);
  return {s, work.y, work.x, window, division, static_cast<unsigned>(tap_blocks), 0, nullptr};
}

int64_t weights_of(const Filter& filter) {
  return filter.sizes.out_channels * filter.sizes.width * filter.sizes.in_channels;
}

template <class Format>
void launch(Cuda& cuda, ConvWorks works) {
  Filters filters{};
  filters.count = static_cast<int>(works.size());
  std::transform(works.begin(), works.end(), filters.at, filter_of<Format>);
  const std::span all(filters.at, works.size());
  const ConvSizes& s = works.front().sizes;
  const int64_t tiles = s.batch * ((s.out_length + steps - 1) / steps);
  int64_t sums_of_part = 0;
  for (const Filter& filter : all) sums_of_part += filter.division.shares * weights_of(filter);
  const Parts parts = parts_of(tiles, 2, sums_of_part);
  filters.tiles_per_part = parts.each();
  const Scratch sums(cuda, static_cast<size_t>(parts.count * sums_of_part) * sizeof(float));
  float* next = sums.data<float>();
  unsigned tap_blocks = 0;
  int warps = 0;
  size_t bytes = 0;
  static_assert(most_branches <= most_partial_sums);
  PartialSums of_branch[most_branches] = {};
  for (size_t i = 0; i < works.size(); ++i) {
    Filter& filter = all[i];
    filter.first_tap_block = tap_blocks;
    filter.sums = next;
    const int64_t part_count = parts.count * filter.division.shares;
    of_branch[i] = {next, part_count, weights_of(filter), works[i].w.data, works[i].add};
    next += part_count * weights_of(filter);
    tap_blocks += filter.tap_blocks;
    warps = std::max(warps, filter.division.warps());
    bytes = std::max(bytes, shared_bytes<Format>(filter.window.rows()));
  }
  const dim3 grid(blocks_for(s.in_channels, tile) * blocks_for(s.out_channels, tile), tap_blocks,
                  static_cast<unsigned>(parts.count));
  launch_grid(cuda, tensor_filter<Format>, grid, warps * warp_size, bytes, filters);
  add_parts(cuda, std::span<const PartialSums>(of_branch, works.size()));
}

}  // namespace

void conv1d_tensor_filter(Cuda& cuda, ConvWorks works) {
  cuda.precision() == Precision::bf16 ? launch<Bf16>(cuda, works) : launch<Tf32>(cuda, works);
}

}  // namespace mellow::cuda
