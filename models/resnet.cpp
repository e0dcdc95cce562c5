// SPDX-License-Identifier: MIT
#include "mellow/models/resnet.h"

#include "mellow/engine/ops/pointwise.h"
#include "mellow/engine/ops/recompute.h"
#include "mellow/engine/ops/reduce.h"

namespace mellow {
namespace {

ConvLayerOptions same_conv(int64_t in, int64_t out, int64_t width) {
  return {.in = in, .out = out, .width = width, .conv = same_padding(width)};
}

}  // namespace

// Batch norm of the block's input, after a 1×1 convolution where the channels change.
class ResNet::Shortcut final : public Module {
 public:
  Shortcut(const ModuleOptions& options, int64_t in, int64_t out, bool convolved)
      : Module(options), norm_(child<BatchNormLayer>("norm", out)) {
    if (convolved) conv_ = &child<ConvLayer>("conv", same_conv(in, out, 1));
  }
  Tensor operator()(const Tensor& x) const { return norm_(conv_ != nullptr ? (*conv_)(x) : x); }

 private:
  BatchNormLayer& norm_;
  ConvLayer* conv_ = nullptr;
};

// Convolutions of 8, 5 and 3 taps, each with batch norm and the first two with relu; plus the shortcut, relu.
class ResNet::Block final : public Module {
 public:
  Block(const ModuleOptions& options, int64_t in, int64_t out, bool convolved)
      : Module(options), shortcut_(child<Shortcut>("shortcut", in, out, convolved)) {
    for (const int64_t width : {8, 5, 3}) {
      const size_t i = convs_.size();
      convs_.push_back(&child<ConvLayer>(text("convs.", i), same_conv(i == 0 ? in : out, out, width)));
      norms_.push_back(&child<BatchNormLayer>(text("norms.", i), out));
    }
  }
  Tensor operator()(const Tensor& x) const {
    Tensor y = x;
    for (size_t i = 0; i < convs_.size(); ++i) {
      const Tensor z = (*convs_[i])(y);
      if (i > 0) recompute_for_backward(y);
      y = (*norms_[i])(z, /*relu=*/i + 1 < convs_.size());
    }
    return add_relu(y, shortcut_(x), /*overwrite=*/true);
  }

 private:
  Shortcut& shortcut_;
  std::vector<ConvLayer*> convs_;
  std::vector<BatchNormLayer*> norms_;
};

ResNet::ResNet(const ModuleOptions& options, const ResNetConfig& config)
    : Classifier(options),
      config_(config),
      head_(child<LinearLayer>("head", 2 * config.filters, config.classes)) {
  int64_t in = config.channels;
  for (int i = 0; i < 3; ++i) {
    const int64_t out = i == 0 ? config.filters : 2 * config.filters;
    blocks_.push_back(&child<Block>(text("blocks.", i), in, out, /*convolved=*/i < 2));
    in = out;
  }
}

Tensor ResNet::features(const Tensor& x) {
  check_rank("resnet", x, 3, "x [batch, length, channels]");
  Tensor y = x;
  for (const Block* block : blocks_) y = (*block)(y);
  return mean_over_time(y);
}

}  // namespace mellow
