// SPDX-License-Identifier: MIT
#include "mellow/engine/train/evaluate.h"

#include <algorithm>

namespace mellow {

std::vector<float> logits_of(Classifier& model, const Tensor& x, int64_t batch_size) {
  check_rank("logits_of", x, 3, "x [samples, length, channels]");
  MELLOW_CHECK(batch_size >= 1, "[logits_of] the batch size must be at least 1, got ", batch_size);
  const int64_t samples = x.dim(0);
  if (samples == 0) return {};
  model.set_training(false);
  Tensor all;
  for (int64_t from = 0; from < samples; from += batch_size) {
    const int64_t to = std::min(samples, from + batch_size);
    const Tensor logits = model.logits(x.window(0, from, to));
    if (!all.defined()) all = Tensor::empty(x.context(), {samples, logits.dim(1)}, logits.dtype());
    all.window(0, from, to).copy_from(logits);
  }
  return all.to_vector<float>();
}

std::vector<double> predict(Classifier& model, const Tensor& x, int64_t batch_size) {
  const auto logits = logits_of(model, x, batch_size);
  return logits.empty() ? std::vector<double>()
                        : probabilities_of(logits, static_cast<int64_t>(logits.size()) / x.dim(0));
}

Metrics evaluate(Classifier& model, const LabelledSet& set, int64_t batch_size) {
  return score(predict(model, set.x, batch_size), set.truth, set.classes);
}

}  // namespace mellow
