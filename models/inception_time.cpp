// SPDX-License-Identifier: MIT
#include "mellow/models/inception_time.h"

#include "mellow/engine/ops/join.h"
#include "mellow/engine/ops/pointwise.h"
#include "mellow/engine/ops/recompute.h"
#include "mellow/engine/ops/reduce.h"

namespace mellow {
namespace {

ConvLayerOptions same_conv(int64_t in, int64_t out, int64_t width) {
  return {.in = in, .out = out, .width = width, .bias = false, .conv = same_padding(width)};
}

constexpr Pool1dOptions pool_same = {.width = 3, .stride = 1, .pad_left = 1, .pad_right = 1};

}  // namespace

InceptionModule::InceptionModule(const ModuleOptions& options, int64_t channels,
                                 const InceptionTimeConfig& config)
    : Module(options),
      filters_(config.filters),
      recomputes_(channels == 1 && config.depth > 2),
      pool_conv_(child<ConvLayer>("pool_conv", same_conv(channels, config.filters, 1))),
      norm_(child<BatchNormLayer>("norm", 4 * config.filters)) {
  if (channels > 1) bottleneck_ = &child<ConvLayer>("bottleneck", same_conv(channels, filters_, 1));
  const int64_t reduced = channels > 1 ? filters_ : channels;
  for (int i = 0; i < 3; ++i)
    convs_.push_back(&child<ConvLayer>(text("convs.", i), same_conv(reduced, filters_, config.kernel >> i)));
}

Tensor InceptionModule::operator()(const Tensor& x) const {
  const Tensor reduced = bottleneck_ != nullptr ? (*bottleneck_)(x) : x;
  Join join(context(), {x.dim(0), x.dim(1), 4 * filters_}, x.dtype());
  ConvLayer::side_by_side(reduced, convs_, join.part(3 * filters_));
  pool_conv_.of_max_pool(x, pool_same, join.part(filters_));
  const Tensor joined = join.whole();
  Tensor y = norm_(joined, /*relu=*/true);
  if (recomputes_) recompute_for_backward(joined);
  return y;
}

// 1×1 convolution and batch norm of the residual's input.
class InceptionTime::Shortcut final : public Module {
 public:
  Shortcut(const ModuleOptions& options, int64_t in, int64_t out)
      : Module(options),
        conv_(child<ConvLayer>("conv", same_conv(in, out, 1))),
        norm_(child<BatchNormLayer>("norm", out)) {}
  Tensor operator()(const Tensor& x) const {
    const Tensor wide = conv_(x);
    Tensor y = norm_(wide);
    if (x.dim(2) == 1) recompute_for_backward(wide);  // one product each, of a series that is kept anyway
    return y;
  }

 private:
  ConvLayer& conv_;
  BatchNormLayer& norm_;
};

InceptionTime::InceptionTime(const ModuleOptions& options, const InceptionTimeConfig& config)
    : Classifier(options),
      config_(config),
      head_(child<LinearLayer>("head", 4 * config.filters, config.classes)) {
  MELLOW_CHECK(config.depth >= 1 && config.filters >= 1 && config.kernel >= 4,
               "[inception-time] needs depth and filters of at least 1 and a kernel of at least 4, got ",
               config.depth, ", ", config.filters, " and ", config.kernel);
  int64_t in = config.channels, residual_in = config.channels;
  const int64_t out = 4 * config.filters;
  for (int64_t d = 0; d < config.depth; ++d) {
    blocks_.push_back(&child<InceptionModule>(text("blocks.", d), in, config));
    in = out;
    if (d % 3 == 2) {
      shortcuts_.push_back(&child<Shortcut>(text("shortcuts.", d / 3), residual_in, out));
      residual_in = out;
    }
  }
}

Tensor InceptionTime::features(const Tensor& x) {
  check_rank("inception-time", x, 3, "x [batch, length, channels]");
  Tensor y = x, residual = x;
  for (size_t d = 0; d < blocks_.size(); ++d) {
    const Tensor before = y;
    y = (*blocks_[d])(before);
    if (d % 3 != 0) recompute_for_backward(before);  // else the shortcut is still to read it
    if (d % 3 == 2) {
      y = add_relu(y, (*shortcuts_[d / 3])(residual), /*overwrite=*/true);
      residual = y;
    }
  }
  return mean_over_time(y);
}

}  // namespace mellow
