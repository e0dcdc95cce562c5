// SPDX-License-Identifier: MIT
#include "mellow/models/fcn.h"

#include "mellow/engine/ops/recompute.h"
#include "mellow/engine/ops/reduce.h"

namespace mellow {

Fcn::Fcn(const ModuleOptions& options, const FcnConfig& config)
    : Fcn(options, config, 0, WeightStart::usual) {}

Fcn::Fcn(const ModuleOptions& options, const FcnConfig& config, int64_t beside, WeightStart start)
    : Classifier(options),
      config_(config),
      head_(child<LinearLayer>("head", beside + config.filters, config.classes)) {
  const int64_t widths[] = {8, 5, 3};
  const int64_t channels[] = {config.channels, config.filters, 2 * config.filters, config.filters};
  for (int i = 0; i < 3; ++i) {
    const ConvLayerOptions conv = {.in = channels[i],
                                   .out = channels[i + 1],
                                   .width = widths[i],
                                   .conv = same_padding(widths[i]),
                                   .start = start};
    convs_.push_back(&child<ConvLayer>(text("convs.", i), conv));
    norms_.push_back(&child<BatchNormLayer>(text("norms.", i), conv.out));
  }
}

Tensor Fcn::features(const Tensor& x) {
  check_rank("fcn", x, 3, "x [batch, length, channels]");
  Tensor y = x;
  for (size_t i = 0; i < convs_.size(); ++i) {
    const Tensor z = (*convs_[i])(y);
    if (i > 0) recompute_for_backward(y);
    y = (*norms_[i])(z, /*relu=*/true);
    if (i == 0 && x.dim(2) == 1) recompute_for_backward(z);  // a hundredth of the network's products
  }
  return mean_over_time(y);
}

}  // namespace mellow
