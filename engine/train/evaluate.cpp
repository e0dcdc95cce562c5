// SPDX-License-Identifier: MIT
#include "mellow/engine/train/evaluate.h"

#include <algorithm>

namespace mellow {

std::vector<double> predict(Classifier& model, const Tensor& x, int64_t batch_size) {
  check_rank("predict", x, 3, "x [samples, length, channels]");
  MELLOW_CHECK(batch_size >= 1, "[predict] the batch size must be at least 1, got ", batch_size);
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
  return probabilities_of(all.to_vector<float>(), all.dim(1));
}

Metrics evaluate(Classifier& model, const LabelledSet& set, int64_t batch_size) {
  return score(predict(model, set.x, batch_size), set.truth, set.classes);
}

}  // namespace mellow
