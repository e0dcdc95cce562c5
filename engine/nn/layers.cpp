// SPDX-License-Identifier: MIT
#include "mellow/engine/nn/layers.h"

#include <algorithm>
#include <cmath>

#include "mellow/engine/ops/conv1d_branches.h"
#include "mellow/engine/ops/matmul.h"

namespace mellow {
namespace {

// Makes the columns of a matrix of `width` columns orthonormal (Gram and Schmidt): Keras's start of recurrent
// weights (Saxe et al. 2014). Columns are drawn from a normal distribution, so none is a sum of others.
void orthonormalise(std::vector<double>& values, size_t width) {
  const auto dot = [&](size_t a, size_t b) {
    double sum = 0;
    for (size_t row = 0; row < values.size(); row += width) sum += values[row + a] * values[row + b];
    return sum;
  };
  for (size_t c = 0; c < width; ++c) {
    for (size_t earlier = 0; earlier < c; ++earlier) {
      const double along = dot(c, earlier);
      for (size_t row = 0; row < values.size(); row += width)
        values[row + c] -= along * values[row + earlier];
    }
    const double norm = std::sqrt(dot(c, c));
    for (size_t row = 0; row < values.size(); row += width) values[row + c] /= norm;
  }
}

}  // namespace

LinearLayer::LinearLayer(const ModuleOptions& options, int64_t in, int64_t out) : Module(options) {
  weight_ = parameter("weight", {out, in}, weight_init(options.framework, in, out));
  bias_ = parameter("bias", {out}, bias_init(options.framework, in));
}

Tensor LinearLayer::operator()(const Tensor& x) const { return linear(x, weight_, bias_); }

ConvLayer::ConvLayer(const ModuleOptions& options, const ConvLayerOptions& conv)
    : Module(options), conv_(conv.conv) {
  const int64_t per_group = conv.in / conv.conv.groups;
  const int64_t fan_in = conv.width * per_group, fan_out = conv.width * conv.out / conv.conv.groups;
  weight_ = parameter("weight", {conv.out, conv.width, per_group},
                      weight_init(conv.start, options.framework, fan_in, fan_out), FileLayout::conv_weight);
  if (conv.bias) bias_ = parameter("bias", {conv.out}, bias_init(options.framework, fan_in));
}

Tensor ConvLayer::operator()(const Tensor& x, const Tensor& place) const {
  return conv1d(x, weight_, bias_, conv_, place);
}

Tensor ConvLayer::of_gelu(const Tensor& x) const { return conv1d_of_gelu(x, weight_, bias_, conv_); }

Tensor ConvLayer::of_max_pool(const Tensor& x, const Pool1dOptions& pool, const Tensor& place) const {
  return conv1d_of_max_pool(x, pool, weight_, bias_, conv_, place);
}

Tensor ConvLayer::side_by_side(const Tensor& x, std::span<const ConvLayer* const> layers,
                               const Tensor& place) {
  std::vector<Tensor> weights;
  std::vector<Conv1dOptions> options;
  for (const ConvLayer* layer : layers) {
    MELLOW_CHECK(!layer->bias_.defined(), "[side_by_side] layers must have no bias");
    weights.push_back(layer->weight_);
    options.push_back(layer->conv_);
  }
  return conv1d_branches(x, weights, options, place);
}

BatchNormLayer::BatchNormLayer(const ModuleOptions& options, int64_t channels) : Module(options) {
  weight_ = parameter("weight", {channels}, constant(1));
  bias_ = parameter("bias", {channels}, constant(0));
  running_mean_ = buffer("running_mean", {channels}, 0);
  running_var_ = buffer("running_var", {channels}, 1);
}

Tensor BatchNormLayer::operator()(const Tensor& x, bool relu) const {
  const bool keras = options().framework == Framework::keras;
  return batch_norm(x, weight_, bias_, running_mean_, running_var_,
                    {.eps = keras ? 1e-3 : 1e-5,
                     .momentum = keras ? 0.01 : 0.1,
                     .correction = keras ? VarianceCorrection::keras : VarianceCorrection::bessel,
                     .training = training(),
                     .relu = relu});
}

LstmLayer::LstmLayer(const ModuleOptions& options, int64_t in, int64_t cells) : Module(options) {
  const bool keras = options.framework == Framework::keras;
  const auto width = static_cast<size_t>(cells);
  const Init like_torch = weight_init(Framework::torch, cells, cells);
  const Init recurrent = {.deviation = 1,
                          .finish = [width](std::vector<double>& values) { orthonormalise(values, width); }};
  const Init bias = {.finish = [width](std::vector<double>& values) {
    std::fill_n(values.begin() + static_cast<int64_t>(width), width, 1.0);  // rows i, f, g, o
  }};
  weights_.weight_ih = parameter("weight_ih_l0", {4 * cells, in},
                                 keras ? weight_init(Framework::keras, in, 4 * cells) : like_torch);
  weights_.weight_hh = parameter("weight_hh_l0", {4 * cells, cells}, keras ? recurrent : like_torch);
  weights_.bias_ih = parameter("bias_ih_l0", {4 * cells}, keras ? bias : like_torch);
  weights_.bias_hh = parameter("bias_hh_l0", {4 * cells}, keras ? constant(0) : like_torch);
}

Tensor LstmLayer::operator()(const Tensor& x) const { return lstm(x, weights_); }

}  // namespace mellow
