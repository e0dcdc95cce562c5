// SPDX-License-Identifier: MIT
#include "mellow/losses/ols.h"

#include <algorithm>

namespace mellow {

std::vector<float> online_labels(const std::vector<float>& predictions, std::span<const int32_t> labels,
                                 int64_t classes, double share) {
  const auto k = static_cast<size_t>(classes);
  std::vector<double> sums(k * k, 0.0), right(k, 0.0);
  for (size_t i = 0; i < labels.size(); ++i) {
    const float* p = &predictions[i * k];
    const auto own = static_cast<size_t>(labels[i]);
    if (std::max_element(p, p + k) != p + own) continue;
    ++right[own];
    for (size_t c = 0; c < k; ++c) sums[own * k + c] += static_cast<double>(p[c]);
  }
  std::vector<float> q(k * k);
  for (size_t i = 0; i < q.size(); ++i) {
    const double seen = right[i / k];
    const double mean = seen > 0 ? sums[i] / seen : 1 / static_cast<double>(k);
    q[i] = static_cast<float>((i / k == i % k ? share : 0) + (1 - share) * mean);
  }
  return q;
}

Method ols_method() {
  return {
      .name = "ols",
      .formula =
          "alpha CE(e, p) + (1 - alpha) CE(S_y, p), S_y the class's mean right prediction of the "
          "epoch before, at first uniform",
      .paper = "Zhang et al. 2021 (online label smoothing)",
      .options = {{.name = "alpha", .help = "weight of the hard labels", .value = 0.5, .low = 0, .high = 1}},
      .build = [](const MethodInputs& in, const MethodOptions& o) {
        const std::vector<int32_t> labels(in.labels.begin(), in.labels.end());
        const double share = o.number("alpha");
        const int64_t classes = in.classes;
        Recipe recipe{.q1 = smoothed_labels(in.context, classes, 1 - share)};
        recipe.moving = [=, table = recipe.q1.table](const MovingInputs&) {
          return std::make_unique<RecordedPredictions>(table, static_cast<int64_t>(labels.size()),
                                                       [=](int64_t, const std::vector<float>& predictions) {
                                                         return online_labels(predictions, labels, classes,
                                                                              share);
                                                       });
        };
        return recipe;
      }};
}

}  // namespace mellow
