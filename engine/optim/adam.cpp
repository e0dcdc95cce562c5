// SPDX-License-Identifier: MIT
#include "mellow/engine/optim/adam.h"

#include "mellow/engine/internal/on_device.h"

namespace mellow {

Adam::Adam(const FlatParameters& parameters, const AdamOptions& options)
    : options_(options),
      first_(Tensor::zeros(parameters.weights().context(), parameters.weights().shape(),
                           parameters.weights().dtype())),
      second_(Tensor::zeros(parameters.weights().context(), parameters.weights().shape(),
                            parameters.weights().dtype())) {
  MELLOW_CHECK(options.beta1 >= 0 && options.beta1 < 1 && options.beta2 >= 0 && options.beta2 < 1 &&
                   options.eps > 0 && options.weight_decay >= 0,
               "[adam] betas must lie in [0, 1), eps above 0, weight decay at or above 0; got ",
               options.beta1, ", ", options.beta2, ", ", options.eps, ", ", options.weight_decay);
}

void Adam::update(const FlatParameters& parameters, const Tensor& rate, const Tensor& step) {
  check_update("adam", rate, step);
  internal::on_device(first_.context(), [&](auto& device) {
    adam(device, {parameters.weights(), parameters.gradients(), first_, second_}, rate, step, options_);
  });
}

}  // namespace mellow
