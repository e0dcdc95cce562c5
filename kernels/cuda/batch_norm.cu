// SPDX-License-Identifier: MIT
#include <algorithm>

#include "mellow/engine/ops/batch_norm.h"
#include "mellow/kernels/cuda/launch.cuh"
#include "mellow/kernels/cuda/operand.h"

// x is [rows, channels], rows = batch · length. Statistics and gradient sums take two kernels: one block per
// tile of rows and 32 channels writes a partial result, then one block per 32 channels combines the tiles in
// their order. No atomics: the same bits every run.
namespace mellow {
namespace {

constexpr int tile_channels = 32, row_lanes = 8;  // of a block: coalesced along channels
constexpr int64_t most_tiles = 256, least_rows = 64;

struct Tiles {
  int64_t rows;      // of x
  int64_t per_tile;  // rows of a tile; the last may have fewer
  int count;
  int channels;
  __device__ int64_t begin(int tile) const { return tile * per_tile; }
  __device__ int64_t end(int tile) const { return min((tile + 1) * per_tile, rows); }
};

// Where a thread of a block of tile_channels × row_lanes stands; blockIdx is (tile, group of channels).
struct Place {
  int column, lane, tile, channel;
  __device__ Place()
      : column(static_cast<int>(threadIdx.x) % tile_channels),
        lane(static_cast<int>(threadIdx.x) / tile_channels),
        tile(static_cast<int>(blockIdx.x)),
        channel(static_cast<int>(blockIdx.y) * tile_channels + column) {}
};

// Count, mean and sum of squared deviations of a set of values.
struct Moments {
  float count, mean, m2;
};

// Of both sets together (Chan, Golub & LeVeque 1979).
__device__ Moments merge(const Moments& a, const Moments& b) {
  if (b.count == 0) return a;
  if (a.count == 0) return b;
  const float count = a.count + b.count, delta = b.mean - a.mean, share = b.count / count;
  return {count, a.mean + delta * share, a.m2 + b.m2 + delta * delta * a.count * share};
}

// mean and m2 [tiles, channels] of each tile. Values are shifted by the tile's first, so that a large mean
// costs no digits of the variance.
__global__ void tile_moments(const float* x, int64_t stride, Tiles tiles, float* mean, float* m2) {
  const Place at;
  const bool inside = at.channel < tiles.channels;
  const int64_t begin = tiles.begin(at.tile), end = tiles.end(at.tile);
  const float shift = inside ? x[begin * stride + at.channel] : 0.0f;
  float sum = 0, squares = 0;
  for (int64_t r = begin + at.lane; inside && r < end; r += row_lanes) {
    const float v = x[r * stride + at.channel] - shift;
    sum += v;
    squares += v * v;
  }
  __shared__ float sums[row_lanes][tile_channels], all_squares[row_lanes][tile_channels];
  sums[at.lane][at.column] = sum;
  all_squares[at.lane][at.column] = squares;
  __syncthreads();
  if (at.lane != 0 || !inside) return;
  for (int k = 1; k < row_lanes; ++k) {
    sum += sums[k][at.column];
    squares += all_squares[k][at.column];
  }
  const float count = static_cast<float>(end - begin), shifted_mean = sum / count;
  const int64_t place = int64_t{at.tile} * tiles.channels + at.channel;
  mean[place] = shift + shifted_mean;
  const float deviations = squares - sum * shifted_mean;
  m2[place] = deviations < 0 ? 0.0f : deviations;  // turned so that NaN stays
}

struct Statistics {  // all [channels]
  float *mean, *inv_std, *slope, *offset, *running_mean, *running_var;
  const float *gamma, *beta;
  float eps, momentum;
  float correction;  // the running variance takes m2 / (rows - correction)
  // What x of channel c is normalised with.
  __device__ void choose(int64_t c, float m, float variance) const {
    mean[c] = m;
    inv_std[c] = 1 / sqrtf(variance + eps);
    slope[c] = gamma[c] * inv_std[c];
    offset[c] = beta[c];
  }
};

// One block per 32 channels: tiles → what the batch is normalised with, and the running statistics.
__global__ void finish_statistics(const float* mean, const float* m2, Tiles tiles, Statistics s) {
  const Place at;
  Moments all{0, 0, 0};
  for (int t = at.lane; at.channel < tiles.channels && t < tiles.count; t += row_lanes) {
    const int64_t place = int64_t{t} * tiles.channels + at.channel;
    all = merge(all, {static_cast<float>(tiles.end(t) - tiles.begin(t)), mean[place], m2[place]});
  }
  __shared__ Moments parts[row_lanes][tile_channels];
  parts[at.lane][at.column] = all;
  __syncthreads();
  if (at.lane != 0 || at.channel >= tiles.channels) return;
  for (int k = 1; k < row_lanes; ++k) all = merge(all, parts[k][at.column]);
  const float rows = static_cast<float>(tiles.rows);
  s.choose(at.channel, all.mean, all.m2 / rows);
  float &running_mean = s.running_mean[at.channel], &running_var = s.running_var[at.channel];
  running_mean += s.momentum * (all.mean - running_mean);
  running_var += s.momentum * (all.m2 / (rows - s.correction) - running_var);
}

// One thread per channel: inference normalises with the running statistics.
__global__ void running_statistics(int64_t channels, Statistics s) {
  const int64_t c = cuda::thread_index();
  if (c < channels) s.choose(c, s.running_mean[c], s.running_var[c]);
}

// What a channel's values become before the relu. Forward and backward share the expression, so that both
// see the same sign.
struct Line {
  float mean, slope, offset;
  __device__ float operator()(float x) const { return (x - mean) * slope + offset; }
};
struct Lines {  // of all channels
  const float *mean, *slope, *offset;
  __device__ Line of(int c) const { return {mean[c], slope[c], offset[c]}; }
};

// y := line(x), then relu when asked; a block works on its tile.
__global__ void normalise(const float* x, int64_t stride, Tiles tiles, Lines lines, bool relu, float* y,
                          int64_t y_stride) {
  const Place at;
  if (at.channel >= tiles.channels) return;
  const Line line = lines.of(at.channel);
  for (int64_t r = tiles.begin(at.tile) + at.lane; r < tiles.end(at.tile); r += row_lanes) {
    const float v = line(x[r * stride + at.channel]);
    y[r * y_stride + at.channel] = relu && v < 0 ? 0.0f : v;
  }
}

struct Upstream {  // dy, and whether a relu decides what of it passes
  const float* dy;
  int64_t stride;
  bool relu;
  __device__ float at(int64_t row, int channel, const Line& line, float x) const {
    const float g = dy[row * stride + channel];
    return relu && line(x) <= 0 ? 0.0f : g;
  }
};

// sums and products [tiles, channels]: Σ g and Σ g (x − mean) inv_std of each tile, g the gradient behind the
// relu.
__global__ void tile_gradient_sums(const float* x, int64_t stride, Upstream up, Tiles tiles, Lines lines,
                                   const float* inv_std, float* sums, float* products) {
  const Place at;
  const bool inside = at.channel < tiles.channels;
  const Line line = inside ? lines.of(at.channel) : Line{0, 0, 0};
  const float scale = inside ? inv_std[at.channel] : 0.0f;
  float sum = 0, product = 0;
  for (int64_t r = tiles.begin(at.tile) + at.lane; inside && r < tiles.end(at.tile); r += row_lanes) {
    const float value = x[r * stride + at.channel], g = up.at(r, at.channel, line, value);
    sum += g;
    product += g * ((value - line.mean) * scale);
  }
  __shared__ float all_sums[row_lanes][tile_channels], all_products[row_lanes][tile_channels];
  all_sums[at.lane][at.column] = sum;
  all_products[at.lane][at.column] = product;
  __syncthreads();
  if (at.lane != 0 || !inside) return;
  for (int k = 1; k < row_lanes; ++k) {
    sum += all_sums[k][at.column];
    product += all_products[k][at.column];
  }
  sums[int64_t{at.tile} * tiles.channels + at.channel] = sum;
  products[int64_t{at.tile} * tiles.channels + at.channel] = product;
}

// Where a parameter's gradient goes; data may be null.
struct ParameterGradient {
  float* data = nullptr;
  bool add = false;
  __device__ void put(int c, float value) const {
    if (data != nullptr) data[c] = add ? data[c] + value : value;
  }
};

// One block per 32 channels: adds up the tiles, leaving the totals in the first tile's row.
__global__ void finish_gradient_sums(float* sums, float* products, Tiles tiles, ParameterGradient beta,
                                     ParameterGradient gamma) {
  const Place at;
  float sum = 0, product = 0;
  for (int t = at.lane; at.channel < tiles.channels && t < tiles.count; t += row_lanes) {
    sum += sums[int64_t{t} * tiles.channels + at.channel];
    product += products[int64_t{t} * tiles.channels + at.channel];
  }
  __shared__ float all_sums[row_lanes][tile_channels], all_products[row_lanes][tile_channels];
  all_sums[at.lane][at.column] = sum;
  all_products[at.lane][at.column] = product;
  __syncthreads();  // also: every tile has been read before the first is overwritten
  if (at.lane != 0 || at.channel >= tiles.channels) return;
  for (int k = 1; k < row_lanes; ++k) {
    sum += all_sums[k][at.column];
    product += all_products[k][at.column];
  }
  sums[at.channel] = sum;
  products[at.channel] = product;
  beta.put(at.channel, sum);
  gamma.put(at.channel, product);
}

struct Dx {
  float* data;  // may be dy
  int64_t stride;
  bool add;
};

// dx (+)= gamma inv_std (g − Σg / rows − x̂ Σ(g x̂) / rows); with running statistics the sums do not matter
// (null).
__global__ void input_gradient(const float* x, int64_t stride, Upstream up, Tiles tiles, Lines lines,
                               const float* inv_std, const float* sums, const float* products, Dx dx) {
  const Place at;
  if (at.channel >= tiles.channels) return;
  const Line line = lines.of(at.channel);
  const float scale = inv_std[at.channel];
  const float rows = static_cast<float>(tiles.rows);
  const float mean_g = sums != nullptr ? sums[at.channel] / rows : 0.0f;
  const float mean_product = products != nullptr ? products[at.channel] / rows : 0.0f;
  for (int64_t r = tiles.begin(at.tile) + at.lane; r < tiles.end(at.tile); r += row_lanes) {
    const float before = x[r * stride + at.channel], normalised = (before - line.mean) * scale;
    const float value =
        line.slope * (up.at(r, at.channel, line, before) - mean_g - normalised * mean_product);
    float& place = dx.data[r * dx.stride + at.channel];
    place = dx.add ? place + value : value;
  }
}

Tiles tiles_of(const cuda::Rows& x) {
  constexpr int64_t most_channels =
      int64_t{65535} * tile_channels;  // what the second dimension of a grid holds
  MELLOW_CHECK(x.width <= most_channels, "[batch_norm] ", x.width, " channels, the device takes at most ",
               most_channels);
  const int64_t per_tile = std::max(least_rows, (x.count + most_tiles - 1) / most_tiles);
  return {x.count, per_tile, static_cast<int>((x.count + per_tile - 1) / per_tile),
          static_cast<int>(x.width)};
}

// A block per tile and 32 channels, or (combine) per 32 channels.
template <class... P, class... A>
void launch_tiles(Cuda& cuda, void (*kernel)(P...), const Tiles& tiles, bool combine, A... args) {
  const auto groups = static_cast<unsigned>((tiles.channels + tile_channels - 1) / tile_channels);
  cuda::launch_grid(cuda, kernel, dim3(combine ? 1 : static_cast<unsigned>(tiles.count), groups),
                    tile_channels * row_lanes, 0, args...);
}

Lines lines_of(const BatchNorm& op) {
  constexpr const char* where = "batch_norm";
  return {cuda::f32(where, op.mean), cuda::f32(where, op.slope), cuda::f32(where, op.offset)};
}

// What the running variance divides by, less than the number of rows.
float correction_of(const BatchNormOptions& o) {
  return static_cast<float>(o.correction == VarianceCorrection::keras ? 1 + o.eps : 1.0);
}

}  // namespace

void BatchNorm::forward(Cuda& cuda, std::span<const Tensor> in, const Tensor& out) {
  constexpr const char* where = "batch_norm";
  x = in[0];
  for (Tensor* t : {&mean, &inv_std, &slope, &offset}) *t = Tensor::empty(x.context(), {x.dim(-1)});
  const cuda::Rows from = cuda::rows_of(where, x);
  const Tiles tiles = tiles_of(from);
  const Statistics s{cuda::f32(where, mean),          cuda::f32(where, inv_std),
                     cuda::f32(where, slope),         cuda::f32(where, offset),
                     cuda::f32(where, running_mean),  cuda::f32(where, running_var),
                     cuda::f32(where, in[1]),         cuda::f32(where, in[2]),
                     static_cast<float>(options.eps), static_cast<float>(options.momentum),
                     correction_of(options)};
  if (options.training) {
    const size_t partial = static_cast<size_t>(tiles.count) * static_cast<size_t>(tiles.channels);
    const cuda::Scratch scratch(cuda, 2 * partial * sizeof(float));
    float *means = scratch.data<float>(), *m2 = means + partial;
    launch_tiles(cuda, tile_moments, tiles, false, cuda::f32(where, x), from.stride, tiles, means, m2);
    launch_tiles(cuda, finish_statistics, tiles, true, means, m2, tiles, s);
  } else {
    cuda::launch_1d(cuda, running_statistics, from.width, s);
  }
  rebuild(cuda, in, out);
}

void BatchNorm::rebuild(Cuda& cuda, std::span<const Tensor>, const Tensor& out) {
  constexpr const char* where = "batch_norm";
  const cuda::Rows from = cuda::rows_of(where, x), to = cuda::rows_of(where, out);
  const Tiles tiles = tiles_of(from);
  launch_tiles(cuda, normalise, tiles, false, cuda::f32(where, x), from.stride, tiles, lines_of(*this),
               options.relu, cuda::f32(where, out), to.stride);
}

void BatchNorm::backward(Cuda& cuda, const Tensor& dy, Gradients& gradients) {
  constexpr const char* where = "batch_norm";
  const cuda::Rows from = cuda::rows_of(where, x), up_rows = cuda::rows_of(where, dy);
  const Tiles tiles = tiles_of(from);
  const Upstream up{cuda::f32(where, dy), up_rows.stride, options.relu};
  const float *values = cuda::f32(where, x), *scale = cuda::f32(where, inv_std);
  const Lines lines = lines_of(*this);
  const size_t partial = static_cast<size_t>(tiles.count) * static_cast<size_t>(tiles.channels);
  const bool sums_matter = options.training || gradients.wanted(1) || gradients.wanted(2);
  const cuda::Scratch scratch(cuda, sums_matter ? 2 * partial * sizeof(float) : 0);
  float *sums = scratch.data<float>(), *products = sums + partial;
  if (sums_matter) {
    ParameterGradient to[3];
    for (int i : {1, 2})
      if (gradients.wanted(i)) {
        const auto [place, add] = gradients.target(i);
        to[i] = {cuda::f32(where, place), add};
      }
    launch_tiles(cuda, tile_gradient_sums, tiles, false, values, from.stride, up, tiles, lines, scale, sums,
                 products);
    launch_tiles(cuda, finish_gradient_sums, tiles, true, sums, products, tiles, to[2], to[1]);
  }
  if (!gradients.wanted(0)) return;
  const auto [place, add] = gradients.reuse(0, dy);
  const Dx dx{cuda::f32(where, place), cuda::rows_of(where, place).stride, add};
  const bool batch_statistics = options.training;
  launch_tiles(cuda, input_gradient, tiles, false, values, from.stride, up, tiles, lines, scale,
               batch_statistics ? sums : nullptr, batch_statistics ? products : nullptr, dx);
}

}  // namespace mellow
