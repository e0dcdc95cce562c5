// SPDX-License-Identifier: MIT
#include "mellow/engine/nn/layers.h"

#include "mellow/engine/ops/matmul.h"

namespace mellow {

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

}  // namespace mellow
