// SPDX-License-Identifier: MIT
#include "mellow/models/ts2vec.h"

#include "mellow/engine/ops/pointwise.h"
#include "mellow/engine/ops/recompute.h"

namespace mellow {

// gelu, conv, gelu, conv, plus the un-activated input (through a 1×1 convolution where channels change or at
// the end).
class Ts2Vec::Block final : public Module {
 public:
  Block(const ModuleOptions& options, int64_t in, int64_t out, int64_t dilation, bool last)
      : Module(options),
        conv1_(child<ConvLayer>("conv1.conv", dilated(in, out, dilation))),
        conv2_(child<ConvLayer>("conv2.conv", dilated(out, out, dilation))) {
    if (in != out || last)
      projector_ = &child<ConvLayer>("projector", ConvLayerOptions{.in = in, .out = out, .width = 1});
  }
  Tensor operator()(const Tensor& x) const {
    const Tensor inner = conv1_.of_gelu(x);
    const Tensor y = conv2_.of_gelu(inner);
    // The widest tensor of the encoder, and by far not its dearest convolution.
    if (inner.dim(2) > x.dim(2)) recompute_for_backward(inner);
    return add(y, projector_ != nullptr ? (*projector_)(x) : x);
  }

 private:
  static ConvLayerOptions dilated(int64_t in, int64_t out, int64_t dilation) {
    return {.in = in, .out = out, .width = 3, .conv = same_padding(3, dilation)};
  }
  ConvLayer &conv1_, &conv2_;
  ConvLayer* projector_ = nullptr;
};

Ts2Vec::Ts2Vec(const ModuleOptions& options, const Ts2VecConfig& config)
    : StepEncoder(options),
      config_(config),
      input_(child<LinearLayer>("input_fc", config.channels, config.hidden)) {
  MELLOW_CHECK(config.depth >= 1 && config.depth <= 30 && config.hidden >= 1 && config.output >= 1,
               "[ts2vec] needs a depth of 1 … 30 and at least one hidden and output channel, got ",
               config.depth, ", ", config.hidden, " and ", config.output);
  for (int64_t i = 0; i <= config.depth; ++i) {
    const bool last = i == config.depth;
    blocks_.push_back(&child<Block>(text("feature_extractor.net.", i), config.hidden,
                                    last ? config.output : config.hidden, int64_t{1} << i, last));
  }
}

Tensor Ts2Vec::encode(const Tensor& x, const Tensor& mask) {
  check_rank("ts2vec", x, 3, "x [batch, length, channels]");
  Tensor y = mask_steps(input_(x), mask);
  for (const Block* block : blocks_) y = (*block)(y);
  return training() ? dropout(y, config_.dropout, 0) : y;
}

}  // namespace mellow
