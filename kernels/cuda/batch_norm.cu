// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/batch_norm.h"
#include "mellow/kernels/cuda/channel_tiles.cuh"
#include "mellow/kernels/cuda/last_block.cuh"
#include "mellow/kernels/cuda/operand.h"

// x is [rows, channels], rows = batch · length. Statistics and gradient sums take one kernel each: a block
// per tile of rows and 32 channels writes a partial result, and the block that finishes last combines the
// tiles in their order. No sums by atomics: the same bits every run.
namespace mellow {
namespace {

using cuda::ChannelSums;
using cuda::ChannelTiles;
using cuda::Floats;
using cuda::floats_at;
using cuda::Matrix;
using cuda::Place;
using cuda::tile_channels;

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

// By the last block of 32 channels: tiles → what the batch is normalised with, and the running statistics.
// Deviations from each tile's mean, and of these from the mean of all, add up without cancelling.
__device__ void finish_statistics(const float* mean, const float* m2, const ChannelTiles& tiles,
                                  const Statistics& s, ChannelSums& sums) {
  const int c = static_cast<int>(blockIdx.y) * tile_channels + static_cast<int>(threadIdx.x) % tile_channels;
  const auto rows_of = [&](int t) { return static_cast<float>(tiles.end(t) - tiles.begin(t)); };
  const auto place = [&](int t) { return int64_t{t} * tiles.channels + c; };
  const float rows = static_cast<float>(tiles.rows);
  const float all_mean =
      cuda::sum_over_tiles(tiles, c, sums, [&](int t) { return rows_of(t) / rows * mean[place(t)]; });
  const float all_m2 = cuda::sum_over_tiles(tiles, c, sums, [&](int t) {
    const float delta = mean[place(t)] - all_mean;
    return m2[place(t)] + rows_of(t) * delta * delta;
  });
  if (threadIdx.x >= tile_channels || c >= tiles.channels) return;
  s.choose(c, all_mean, all_m2 / rows);
  float &running_mean = s.running_mean[c], &running_var = s.running_var[c];
  running_mean += s.momentum * (all_mean - running_mean);
  running_var += s.momentum * (all_m2 / (rows - s.correction) - running_var);
}

// mean and m2 [tiles, channels]: of each tile. Values are shifted by the tile's first, so that a large mean
// costs no digits of the variance.
template <int width>
__global__ void statistics(Matrix x, ChannelTiles tiles, float* mean, float* m2, unsigned* counters,
                           Statistics s) {
  const Place<width> at(tiles);
  const int64_t begin = tiles.begin(static_cast<int>(blockIdx.x));
  const Floats<width> shift = at.inside ? x.at<width>(begin, at.channel) : Floats<width>{};
  Floats<width> sum = {}, squares = {};
  at.template for_rows<4>([&](int64_t r) { return x.at<width>(r, at.channel); },
                          [&](int64_t, const Floats<width>& value) {
#pragma unroll
                            for (int k = 0; k < width; ++k) {
                              const float v = value.at[k] - shift.at[k];
                              sum.at[k] += v;
                              squares.at[k] += v * v;
                            }
                          });
  __shared__ ChannelSums sums, all_squares;
  const float total = cuda::channel_sum(sum, sums), squared = cuda::channel_sum(squares, all_squares);
  const int c = static_cast<int>(blockIdx.y) * tile_channels + static_cast<int>(threadIdx.x);
  if (threadIdx.x < tile_channels && c < tiles.channels) {
    const float shifted_mean = total / static_cast<float>(at.end - begin);
    const int64_t place = int64_t{blockIdx.x} * tiles.channels + c;
    mean[place] = x.at<1>(begin, c).at[0] + shifted_mean;
    const float deviations = squared - total * shifted_mean;
    m2[place] = deviations < 0 ? 0.0f : deviations;  // turned so that NaN stays
  }
  if (cuda::is_last_block(counters + blockIdx.y, gridDim.x)) finish_statistics(mean, m2, tiles, s, sums);
}

// One thread per channel: inference normalises with the running statistics.
__global__ void running_statistics(int64_t channels, Statistics s) {
  const int64_t c = cuda::thread_index();
  if (c < channels) s.choose(c, s.running_mean[c], s.running_var[c]);
}

// What a thread's channels become before the relu. Forward and backward share the expression, so that both
// see the same sign.
template <int width>
struct Line {
  Floats<width> mean, slope, offset;
  __device__ float operator()(int k, float x) const { return (x - mean.at[k]) * slope.at[k] + offset.at[k]; }
};
struct Lines {  // of all channels
  const float *mean, *slope, *offset;
  template <int width>
  __device__ Line<width> of(int c) const {
    return {*floats_at<width>(mean + c), *floats_at<width>(slope + c), *floats_at<width>(offset + c)};
  }
};

// y := line(x), then relu when asked; a block works on its tile.
template <int width>
__global__ void normalise(Matrix x, ChannelTiles tiles, Lines lines, bool relu, Matrix y) {
  const Place<width> at(tiles);
  if (!at.inside) return;
  const Line<width> line = lines.of<width>(at.channel);
  at.template for_rows<4>([&](int64_t r) { return x.at<width>(r, at.channel); },
                          [&](int64_t r, Floats<width> value) {
#pragma unroll
                            for (int k = 0; k < width; ++k) {
                              const float v = line(k, value.at[k]);
                              value.at[k] = relu && v < 0 ? 0.0f : v;
                            }
                            y.at<width>(r, at.channel) = value;
                          });
}

// A row's values and their upstream gradient.
template <int width>
struct ValuesAndGradient {
  Floats<width> x, g;
};

struct Upstream {  // dy, and whether a relu decides what of it passes
  Matrix dy;
  bool relu;
  template <int width>
  __device__ float behind_relu(const Line<width>& line, int k, const ValuesAndGradient<width>& row) const {
    return relu && line(k, row.x.at[k]) <= 0 ? 0.0f : row.g.at[k];
  }
};

// Where a parameter's gradient goes; data may be null.
struct ParameterGradient {
  float* data = nullptr;
  bool add = false;
  __device__ void put(int c, float value) const {
    if (data != nullptr) data[c] = add ? data[c] + value : value;
  }
};

// sums and products [tiles, channels]: Σ g and Σ g (x − mean) inv_std of each tile, g the gradient behind the
// relu. The last block of 32 channels leaves the totals in the first tile's row.
template <int width>
__global__ void gradient_sums(Matrix x, Upstream up, ChannelTiles tiles, Lines lines, const float* inv_std,
                              float* sums, float* products, unsigned* counters, ParameterGradient beta,
                              ParameterGradient gamma) {
  const Place<width> at(tiles);
  const Line<width> line = at.inside ? lines.of<width>(at.channel) : Line<width>{};
  const Floats<width> scale = at.inside ? *floats_at<width>(inv_std + at.channel) : Floats<width>{};
  Floats<width> sum = {}, product = {};
  at.template for_rows<4>(
      [&](int64_t r) {
        return ValuesAndGradient<width>{x.at<width>(r, at.channel), up.dy.at<width>(r, at.channel)};
      },
      [&](int64_t, const ValuesAndGradient<width>& row) {
#pragma unroll
        for (int k = 0; k < width; ++k) {
          const float g = up.behind_relu(line, k, row);
          sum.at[k] += g;
          product.at[k] += g * ((row.x.at[k] - line.mean.at[k]) * scale.at[k]);
        }
      });
  __shared__ ChannelSums all_sums, all_products;
  const float total = cuda::channel_sum(sum, all_sums),
              product_total = cuda::channel_sum(product, all_products);
  const int c = static_cast<int>(blockIdx.y) * tile_channels + static_cast<int>(threadIdx.x) % tile_channels;
  const bool writes = threadIdx.x < tile_channels && c < tiles.channels;
  const auto place = [&](int t) { return int64_t{t} * tiles.channels + c; };
  if (writes) {
    sums[place(static_cast<int>(blockIdx.x))] = total;
    products[place(static_cast<int>(blockIdx.x))] = product_total;
  }
  if (!cuda::is_last_block(counters + blockIdx.y, gridDim.x)) return;
  const float of_sums = cuda::sum_over_tiles(tiles, c, all_sums, [&](int t) { return sums[place(t)]; });
  const float of_products =
      cuda::sum_over_tiles(tiles, c, all_products, [&](int t) { return products[place(t)]; });
  if (!writes) return;  // every tile has been read, before the first is overwritten
  sums[c] = of_sums;
  products[c] = of_products;
  beta.put(c, of_sums);
  gamma.put(c, of_products);
}

struct Dx {
  Matrix to;  // may be dy
  bool add;
};

// dx (+)= gamma inv_std (g − Σg / rows − x̂ Σ(g x̂) / rows); with running statistics the sums do not matter
// (null).
template <int width>
__global__ void input_gradient(Matrix x, Upstream up, ChannelTiles tiles, Lines lines, const float* inv_std,
                               const float* sums, const float* products, Dx dx) {
  const Place<width> at(tiles);
  if (!at.inside) return;
  const Line<width> line = lines.of<width>(at.channel);
  const Floats<width> scale = *floats_at<width>(inv_std + at.channel);
  const float rows = static_cast<float>(tiles.rows);
  Floats<width> mean_g = {}, mean_product = {};
#pragma unroll
  for (int k = 0; k < width; ++k) {
    if (sums != nullptr) mean_g.at[k] = sums[at.channel + k] / rows;
    if (products != nullptr) mean_product.at[k] = products[at.channel + k] / rows;
  }
  at.template for_rows<2>(
      [&](int64_t r) {
        return ValuesAndGradient<width>{x.at<width>(r, at.channel), up.dy.at<width>(r, at.channel)};
      },
      [&](int64_t r, const ValuesAndGradient<width>& row) {
        Floats<width> value;
#pragma unroll
        for (int k = 0; k < width; ++k) {
          const float normalised = (row.x.at[k] - line.mean.at[k]) * scale.at[k];
          value.at[k] = line.slope.at[k] *
                        (up.behind_relu(line, k, row) - mean_g.at[k] - normalised * mean_product.at[k]);
        }
        store(dx.to.at<width>(r, at.channel), value, dx.add);
      });
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
  const Matrix from = cuda::matrix_of(where, x);
  const ChannelTiles tiles = cuda::tiles_of(where, x);
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
    cuda::launch_tiles(cuda, statistics<1>, statistics<4>, tiles, {from}, from, tiles, means, m2,
                       cuda::block_counters_of(cuda), s);
  } else {
    cuda::launch_1d(cuda, running_statistics, tiles.channels, s);
  }
  rebuild(cuda, in, out);
}

void BatchNorm::rebuild(Cuda& cuda, std::span<const Tensor>, const Tensor& out) {
  constexpr const char* where = "batch_norm";
  const Matrix from = cuda::matrix_of(where, x), to = cuda::matrix_of(where, out);
  const ChannelTiles tiles = cuda::tiles_of(where, x);
  cuda::launch_tiles(cuda, normalise<1>, normalise<4>, tiles, {from, to}, from, tiles, lines_of(*this),
                     options.relu, to);
}

void BatchNorm::backward(Cuda& cuda, const Tensor& dy, Gradients& gradients) {
  constexpr const char* where = "batch_norm";
  const Matrix from = cuda::matrix_of(where, x);
  const ChannelTiles tiles = cuda::tiles_of(where, x);
  const Upstream up{cuda::matrix_of(where, dy), options.relu};
  const float* scale = cuda::f32(where, inv_std);
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
    cuda::launch_tiles(cuda, gradient_sums<1>, gradient_sums<4>, tiles, {from, up.dy}, from, up, tiles, lines,
                       scale, sums, products, cuda::block_counters_of(cuda), to[2], to[1]);
  }
  if (!gradients.wanted(0)) return;
  const auto [place, add] = gradients.reuse(0, dy);
  const Dx dx{cuda::matrix_of(where, place), add};
  const bool batch_statistics = options.training;
  cuda::launch_tiles(cuda, input_gradient<1>, input_gradient<4>, tiles, {from, up.dy, dx.to}, from, up, tiles,
                     lines, scale, batch_statistics ? sums : nullptr, batch_statistics ? products : nullptr,
                     dx);
}

}  // namespace mellow
