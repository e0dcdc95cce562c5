// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include "mellow/tools/estimate/cost_model.h"

// What trainings do, counted.
namespace mellow::tools {

struct SetSize {
  std::string name;
  int64_t train = 0, test = 0, length = 0, channels = 1;
};

// One pass over `samples` series in batches: passes, batches, steps · channels of one series per batch (what
// grows with the weights where these grow with the length), series, their steps, the steps of channels after
// the first, and those of each batch after its first 4096: activations then leave a core's own caches.
Counts pass_counts(int64_t samples, const SetSize& size, int64_t batch);

// TS2Vec's iterations with the crops that they draw: iterations, series · encoded steps, series · shared
// steps and their squares (the contrastive loss).
Counts pretraining_counts(const SetSize& size, int64_t iterations, int64_t batch, uint64_t seed);

// Passes over the test set and over the training set in evaluation mode that `epochs` of training end with or
// meet on the way (engine/train/fit.h).
struct Evaluations {
  int64_t test = 0, train = 0;
};
Evaluations evaluations_of(int64_t epochs, int64_t evaluate_every);

}  // namespace mellow::tools
