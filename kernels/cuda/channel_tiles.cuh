// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <initializer_list>

#include "mellow/kernels/cuda/floats.cuh"
#include "mellow/kernels/cuda/launch.cuh"
#include "mellow/kernels/cuda/operand.h"

// Work on a matrix [rows, channels] by tiles of rows and 32 channels, a block each, and sums over them.
// Kernels are templates on a width: a thread works on that many neighbouring channels, four where the arrays
// allow it.
namespace mellow::cuda {

constexpr int tile_warps = block_size / warp_size;
constexpr int tile_channels = 32;  // of a block: coalesced
constexpr int64_t most_tiles = 256, tile_step = 128;

struct ChannelTiles {
  int64_t rows;      // of x
  int64_t per_tile;  // rows of a tile; the last may have fewer
  int count;
  int channels;
  __device__ int64_t begin(int tile) const { return tile * per_tile; }
  __device__ int64_t end(int tile) const { return min((tile + 1) * per_tile, rows); }
};

// Where a thread stands: `width` channels from `channel` on, every row_lanes-th row. blockIdx is (tile, group
// of channels).
template <int width>
struct Place {
  static constexpr int columns = tile_channels / width, row_lanes = block_size / columns;
  int64_t begin, end;  // rows
  int channel;
  bool inside;
  __device__ explicit Place(const ChannelTiles& tiles)
      : begin(tiles.begin(static_cast<int>(blockIdx.x)) + static_cast<int>(threadIdx.x) / columns),
        end(tiles.end(static_cast<int>(blockIdx.x))),
        channel(static_cast<int>(blockIdx.y) * tile_channels +
                static_cast<int>(threadIdx.x) % columns * width),
        inside(channel < tiles.channels) {}

  // Calls use(row, load(row)) for the thread's rows; `together` loads are under way at a time.
  template <int together, class Load, class Use>
  __device__ void for_rows(Load load, Use use) const {
    if (!inside) return;
    for (int64_t first = begin; first < end; first += together * row_lanes) {
      decltype(load(first)) values[together];
#pragma unroll
      for (int k = 0; k < together; ++k)
        if (first + k * row_lanes < end) values[k] = load(first + k * row_lanes);
#pragma unroll
      for (int k = 0; k < together; ++k)
        if (first + k * row_lanes < end) use(first + k * row_lanes, values[k]);
    }
  }
};

// A matrix [rows, channels] with rows `stride` apart.
struct Matrix {
  float* data;
  int64_t stride;
  template <int width>
  __device__ Floats<width>& at(int64_t row, int channel) const {
    return *floats_at<width>(data + row * stride + channel);
  }
};

using ChannelSums = float[tile_warps][tile_channels];

// Of the values of all threads of a block. Thread c < 32 gets the sum of channel c, the others 0.
template <int width>
__device__ float channel_sum(Floats<width> value, ChannelSums& of_warp) {
  constexpr int columns = Place<width>::columns;
  const int lane = static_cast<int>(threadIdx.x) % warp_size,
            warp = static_cast<int>(threadIdx.x) / warp_size;
#pragma unroll
  for (int distance = columns; distance < warp_size; distance *= 2)
#pragma unroll
    for (int k = 0; k < width; ++k) value.at[k] += __shfl_xor_sync(0xffffffffu, value.at[k], distance);
  if (lane < columns)
#pragma unroll
    for (int k = 0; k < width; ++k) of_warp[warp][lane * width + k] = value.at[k];
  __syncthreads();
  float sum = 0;
  for (int k = 0; warp == 0 && k < tile_warps; ++k) sum += of_warp[k][lane];
  return sum;
}

// Σ of f(tile) over all tiles, for the channel of lane % 32. Every thread of the block takes part and gets
// it.
template <class F>
__device__ float sum_over_tiles(const ChannelTiles& tiles, int channel, ChannelSums& of_warp, F f) {
  const int lane = static_cast<int>(threadIdx.x) % warp_size,
            warp = static_cast<int>(threadIdx.x) / warp_size;
  float sum = 0;
  if (channel < tiles.channels)
#pragma unroll 8
    for (int t = warp; t < tiles.count; t += tile_warps) sum += f(t);
  __syncthreads();  // what was here has been read
  of_warp[warp][lane] = sum;
  __syncthreads();
  sum = 0;
  for (int k = 0; k < tile_warps; ++k) sum += of_warp[k][lane];
  return sum;
}

inline ChannelTiles tiles_of(const char* where, const Tensor& x) {
  const Rows rows = rows_of(where, x);
  constexpr int64_t most_channels = block_counters * tile_channels;  // and a grid's second dimension
  MELLOW_CHECK(rows.width <= most_channels, "[", where, "] ", rows.width,
               " channels, the device takes at most ", most_channels);
  const int64_t steps = (rows.count + most_tiles * tile_step - 1) / (most_tiles * tile_step);
  const int64_t per_tile = tile_step * std::max<int64_t>(1, steps);
  return {rows.count, per_tile, static_cast<int>((rows.count + per_tile - 1) / per_tile),
          static_cast<int>(rows.width)};
}

// Rows of a tensor, for tiles.
inline Matrix matrix_of(const char* where, const Tensor& x) {
  return {f32(where, x), rows_of(where, x).stride};
}

// A block per tile and 32 channels. `wide` where all matrices have channels in fours.
template <class... P, class... A>
void launch_tiles(Cuda& cuda, void (*narrow)(P...), void (*wide)(P...), const ChannelTiles& tiles,
                  std::initializer_list<Matrix> matrices, A... args) {
  const bool all_in_fours = std::all_of(matrices.begin(), matrices.end(), [&](const Matrix& m) {
    return in_fours(m.data, {tiles.channels, m.stride});
  });
  const dim3 grid(static_cast<unsigned>(tiles.count), blocks_for(tiles.channels, tile_channels));
  launch_grid(cuda, all_in_fours ? wide : narrow, grid, block_size, 0, args...);
}

}  // namespace mellow::cuda
