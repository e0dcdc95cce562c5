// SPDX-License-Identifier: MIT
#include "mellow/engine/optim/weight_average.h"

#include "mellow/engine/internal/on_device.h"
#include "mellow/engine/ops/update.h"

namespace mellow {

WeightAverage::WeightAverage(const FlatParameters& parameters)
    : average_(parameters.weights().clone()),
      updates_(Tensor::from(average_.context(), {1}, std::vector<int64_t>{1})) {}

void WeightAverage::update(const FlatParameters& parameters) {
  internal::on_device(average_.context(), [&](auto& device) {
    average_weights(device, average_, parameters.weights(), updates_);
  });
}

void WeightAverage::apply(const FlatParameters& parameters) const {
  parameters.weights().copy_from(average_);
}

}  // namespace mellow
