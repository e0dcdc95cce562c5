// SPDX-License-Identifier: MIT
#include "mellow/engine/optim/sgd.h"

#include "mellow/engine/internal/on_device.h"

namespace mellow {

Sgd::Sgd(const FlatParameters& parameters, const SgdOptions& options) : options_(options) {
  MELLOW_CHECK(options.momentum >= 0 && options.momentum < 1 && options.weight_decay >= 0,
               "[sgd] momentum must lie in [0, 1), weight decay at or above 0; got ", options.momentum, ", ",
               options.weight_decay);
  MELLOW_CHECK(!options.nesterov || options.momentum > 0, "[sgd] nesterov needs a momentum above 0");
  const Tensor& w = parameters.weights();
  if (options.momentum > 0) velocity_ = Tensor::zeros(w.context(), w.shape(), w.dtype());
}

void Sgd::update(const FlatParameters& parameters, const Tensor& rate, const Tensor& step) {
  check_update("sgd", rate, step);
  internal::on_device(rate.context(), [&](auto& device) {
    sgd(device, parameters.weights(), parameters.gradients(), velocity_, rate, step, options_);
  });
}

std::vector<std::pair<std::string, Tensor>> Sgd::state() {
  if (!velocity_.defined()) return {};
  return {{"velocity", velocity_}};
}

}  // namespace mellow
