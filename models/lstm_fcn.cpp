// SPDX-License-Identifier: MIT
#include "mellow/models/lstm_fcn.h"

#include "mellow/engine/ops/join.h"
#include "mellow/engine/ops/pointwise.h"
#include "mellow/models/flat_series.h"

namespace mellow {
namespace {

int64_t lstm_inputs(const LstmFcnConfig& config) {
  if (config.input == LstmInput::sequence) return config.channels;
  return values_per_series("lstm-fcn", config.length, config.channels);
}

}  // namespace

LstmFcn::LstmFcn(const ModuleOptions& options, const LstmFcnConfig& config)
    : Fcn(options, {.channels = config.channels, .classes = config.classes, .filters = config.filters},
          config.cells, WeightStart::keras_he_uniform),
      config_(config),
      lstm_(child<LstmLayer>("lstm", lstm_inputs(config), config.cells)) {}

Tensor LstmFcn::features(const Tensor& x) {
  Tensor steps = x;
  if (config_.input == LstmInput::shuffle) {
    const Tensor flat = flat_series("lstm-fcn", x, config_.length, config_.channels);
    steps = reshape(flat, {flat.dim(0), 1, flat.dim(1)});
  }
  Tensor state = lstm_(steps);
  if (training()) state = dropout(state, config_.dropout, 0);
  const Tensor parts[] = {state, Fcn::features(x)};
  return concatenate(parts);
}

}  // namespace mellow
