// SPDX-License-Identifier: MIT
#include "mellow/engine/train/evaluate.h"

#include <algorithm>

namespace mellow {
namespace {

// Rows of f(series) for all of x, batch by batch, in evaluation mode.
template <class F>
Tensor in_batches(Classifier& model, const Tensor& x, int64_t batch_size, F&& f) {
  check_rank("evaluate", x, 3, "x [samples, length, channels]");
  MELLOW_CHECK(batch_size >= 1, "[evaluate] the batch size must be at least 1, got ", batch_size);
  const int64_t samples = x.dim(0);
  model.set_training(false);
  Tensor all;
  for (int64_t from = 0; from < samples; from += batch_size) {
    const int64_t to = std::min(samples, from + batch_size);
    const Tensor rows = f(x.window(0, from, to));
    if (!all.defined()) all = Tensor::empty(x.context(), {samples, rows.dim(1)}, rows.dtype());
    all.window(0, from, to).copy_from(rows);
  }
  return all;
}

}  // namespace

Tensor features_of(Classifier& model, const Tensor& x, int64_t batch_size) {
  return in_batches(model, x, batch_size, [&](const Tensor& batch) { return model.features(batch); });
}

std::vector<float> logits_of(Classifier& model, const Tensor& x, int64_t batch_size) {
  const Tensor all =
      in_batches(model, x, batch_size, [&](const Tensor& batch) { return model.logits(batch); });
  return all.defined() ? all.to_vector<float>() : std::vector<float>();
}

std::vector<double> predict(Classifier& model, const Tensor& x, int64_t batch_size) {
  const auto logits = logits_of(model, x, batch_size);
  if (logits.empty()) return {};
  return probabilities_of(logits, static_cast<int64_t>(logits.size()) / x.dim(0));
}

Metrics evaluate(Classifier& model, const LabelledSet& set, int64_t batch_size) {
  return score(predict(model, set.x, batch_size), set.truth, set.classes);
}

}  // namespace mellow
