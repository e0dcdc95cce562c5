// SPDX-License-Identifier: MIT
#include "mellow/models/mlp.h"

#include "mellow/engine/ops/pointwise.h"
#include "mellow/models/flat_series.h"

namespace mellow {

Mlp::Mlp(const ModuleOptions& options, const MlpConfig& config)
    : Classifier(options), config_(config), head_(child<LinearLayer>("head", config.units, config.classes)) {
  int64_t in = values_per_series("mlp", config.length, config.channels);
  for (int64_t i = 0; i < config.layers; ++i) {
    hidden_.push_back(&child<LinearLayer>(text("hidden.", i), in, config.units));
    in = config.units;
  }
}

Tensor Mlp::features(const Tensor& x) {
  Tensor y = flat_series("mlp", x, config_.length, config_.channels);
  for (const LinearLayer* layer : hidden_) y = relu((*layer)(y));
  return y;
}

}  // namespace mellow
