// SPDX-License-Identifier: MIT
#include "mellow/models/resnet18.h"

#include "mellow/engine/ops/pointwise.h"
#include "mellow/engine/ops/pool1d.h"
#include "mellow/engine/ops/recompute.h"
#include "mellow/engine/ops/reduce.h"

namespace mellow {
namespace {

// An odd kernel padded by half its width: the length becomes ceil(length / stride).
ConvLayerOptions strided_conv(int64_t in, int64_t out, int64_t width, int64_t stride) {
  const int64_t pad = width / 2;
  return {.in = in,
          .out = out,
          .width = width,
          .bias = false,
          .conv = {.stride = stride, .pad_left = pad, .pad_right = pad},
          .start = WeightStart::torch_he_normal};
}

}  // namespace

// conv 3, norm, relu, conv 3, norm, plus the input (a strided 1×1 convolution of it where sizes change),
// relu.
class ResNet18::Block final : public Module {
 public:
  Block(const ModuleOptions& options, int64_t in, int64_t out, int64_t stride)
      : Module(options),
        conv1_(child<ConvLayer>("conv1", strided_conv(in, out, 3, stride))),
        norm1_(child<BatchNormLayer>("bn1", out)),
        conv2_(child<ConvLayer>("conv2", strided_conv(out, out, 3, 1))),
        norm2_(child<BatchNormLayer>("bn2", out)) {
    if (in == out && stride == 1) return;
    shortcut_ = &child<ConvLayer>("downsample.0", strided_conv(in, out, 1, stride));
    shortcut_norm_ = &child<BatchNormLayer>("downsample.1", out);
  }
  Tensor operator()(const Tensor& x) const {
    const Tensor residual = shortcut_ != nullptr ? shortcut_of(x) : x;
    const Tensor between = norm1_(conv1_(x), /*relu=*/true), last = conv2_(between);
    recompute_for_backward(between);
    return add_relu(norm2_(last), residual, /*overwrite=*/true);
  }

 private:
  Tensor shortcut_of(const Tensor& x) const {
    const Tensor moved = (*shortcut_)(x);
    Tensor y = (*shortcut_norm_)(moved);
    recompute_for_backward(moved);  // a hundredth of the network's products
    return y;
  }
  ConvLayer& conv1_;
  BatchNormLayer& norm1_;
  ConvLayer& conv2_;
  BatchNormLayer& norm2_;
  ConvLayer* shortcut_ = nullptr;
  BatchNormLayer* shortcut_norm_ = nullptr;
};

ResNet18::ResNet18(const ModuleOptions& options, const ResNet18Config& config)
    : Classifier(options),
      config_(config),
      stem_(child<ConvLayer>("conv1", strided_conv(config.channels, config.filters, 7, 2))),
      stem_norm_(child<BatchNormLayer>("bn1", config.filters)),
      head_(child<LinearLayer>("fc", 8 * config.filters, config.classes)) {
  int64_t in = config.filters;
  for (int stage = 0; stage < 4; ++stage) {
    const int64_t out = config.filters << stage;
    for (int b = 0; b < 2; ++b) {
      const int64_t stride = stage > 0 && b == 0 ? 2 : 1;
      blocks_.push_back(&child<Block>(text("layer", stage + 1, ".", b), in, out, stride));
      in = out;
    }
  }
}

Tensor ResNet18::features(const Tensor& x) {
  check_rank("resnet18", x, 3, "x [batch, length, channels]");
  const Tensor z = stem_(x);
  Tensor y =
      max_pool1d(stem_norm_(z, /*relu=*/true), {.width = 3, .stride = 2, .pad_left = 1, .pad_right = 1});
  if (x.dim(2) == 1) recompute_for_backward(z);  // a hundredth of the network's products
  for (const Block* block : blocks_) y = (*block)(y);
  return mean_over_time(y);
}

}  // namespace mellow
