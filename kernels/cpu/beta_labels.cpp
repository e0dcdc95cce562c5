// SPDX-License-Identifier: MIT
#include "mellow/engine/ops/beta_labels.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "mellow/engine/ops/draws.h"
#include "mellow/kernels/batch_checks.h"

namespace mellow {

void beta_labels(Cpu&, const Tensor& probabilities, const Tensor& labels, const Tensor& index,
                 const Tensor& step, const BetaLabelOptions& options, const Tensor& out) {
  internal::check_beta_labels(probabilities, labels, index, step, out);
  const int64_t batch = probabilities.dim(0), classes = probabilities.dim(1);
  const auto* p = probabilities.data<float>();
  const auto *label = labels.data<int32_t>(), *of = index.data<int32_t>();
  for (int64_t i = 0; i < batch; ++i) {
    MELLOW_CHECK(of[i] >= 0 && of[i] < labels.count(), "[beta_labels] index[", i, "] is ", of[i],
                 ", there are ", labels.count(), " samples");
    MELLOW_CHECK(label[of[i]] >= 0 && label[of[i]] < classes, "[beta_labels] sample ", of[i], " has label ",
                 label[of[i]], ", there are ", classes, " classes");
  }
  std::vector<float> draws(static_cast<size_t>(batch));
  for (int64_t k = 0; k < batch; ++k)
    draws[static_cast<size_t>(k)] = beta_uniform(options.seed, *step.data<int64_t>(), k);
  std::sort(draws.begin(), draws.end());
  std::vector<int64_t> places(static_cast<size_t>(batch));  // in the batch, by rising confidence
  std::iota(places.begin(), places.end(), 0);
  const auto confidence = [=](int64_t i) { return beta_confidence(p[i * classes + label[of[i]]]); };
  std::stable_sort(places.begin(), places.end(),
                   [&](int64_t a, int64_t b) { return confidence(a) < confidence(b); });
  for (size_t rank = 0; rank < draws.size(); ++rank) {
    const int64_t sample = of[places[rank]];
    const double drawn = std::pow(static_cast<double>(draws[rank]), 1 / options.shape);
    float* row = out.data<float>() + sample * classes;
    std::fill_n(row, classes,
                static_cast<float>(options.weight * (1 - drawn) / static_cast<double>(classes - 1)));
    row[label[sample]] = static_cast<float>(1 - options.weight + options.weight * drawn);
  }
}

}  // namespace mellow
