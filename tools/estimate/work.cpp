// SPDX-License-Identifier: MIT
#include "mellow/tools/estimate/work.h"

#include <algorithm>

#include "mellow/engine/train/pretrainer.h"

namespace mellow::tools {
namespace {

// Of a batch: 2 MB in each activation 128 channels wide.
constexpr double steps_in_cache = 4096;

}  // namespace

Counts pass_counts(int64_t samples, const SetSize& size, int64_t batch) {
  const int64_t whole = samples / batch, rest = samples % batch;
  const auto n = static_cast<double>(samples), length = static_cast<double>(size.length),
             channels = static_cast<double>(size.channels),
             batches = static_cast<double>(whole + (rest > 0 ? 1 : 0));
  const auto beyond = [&](int64_t series) {
    return std::max(0.0, static_cast<double>(series) * length - steps_in_cache);
  };
  const double far = static_cast<double>(whole) * beyond(batch) + beyond(rest);
  return {1, batches, batches * length * channels, n, n * length, n * length * (channels - 1), far};
}

Counts pretraining_counts(const SetSize& size, int64_t iterations, int64_t batch, uint64_t seed) {
  const int64_t rows = std::min(batch, size.train);
  double encoded = 0, shared = 0, squared = 0;
  for (int64_t i = 0; i < iterations; ++i) {
    const Crops crops = draw_crops(seed, i, size.length, rows);
    const auto kept = static_cast<double>(crops.right - crops.left);
    encoded += static_cast<double>(crops.late - crops.early) + kept;
    shared += kept;
    squared += kept * kept;
  }
  const auto series = static_cast<double>(rows);
  return {static_cast<double>(iterations), series * encoded, series * shared, series * squared};
}

// At the end the weights of two protocols, last and best_train_loss, are scored on both splits, and the saved
// ones predict the test set once more.
Evaluations evaluations_of(int64_t epochs, int64_t evaluate_every) {
  return {(epochs + evaluate_every - 1) / evaluate_every + 3, 2};
}

}  // namespace mellow::tools
