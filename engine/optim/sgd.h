// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/engine/ops/update.h"
#include "mellow/engine/optim/optimizer.h"

namespace mellow {

// Stochastic gradient descent with momentum, Nesterov momentum and weight decay, as PyTorch defines them.
class Sgd final : public Optimizer {
 public:
  explicit Sgd(const FlatParameters& parameters, const SgdOptions& options = {});
  void update(const FlatParameters& parameters, const Tensor& rate, const Tensor& step) override;
  std::vector<std::pair<std::string, Tensor>> state() override;

 private:
  SgdOptions options_;
  Tensor velocity_;  // empty without momentum
};

}  // namespace mellow
