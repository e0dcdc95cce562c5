// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/engine/nn/flat_parameters.h"

namespace mellow {

// Stochastic weight averaging with equal weights (Izmailov et al. 2018): the mean of the weights at
// construction and at every update, w̄ = (w0 + w1 + … + wN) / (N + 1), as TS2Vec uses it.
class WeightAverage {
 public:
  explicit WeightAverage(const FlatParameters& parameters);
  void update(const FlatParameters& parameters);
  // Replaces the weights by their average.
  void apply(const FlatParameters& parameters) const;

  const Tensor& average() const { return average_; }
  const Tensor& updates() const { return updates_; }  // i64 [1]

 private:
  Tensor average_, updates_;
};

}  // namespace mellow
