// SPDX-License-Identifier: MIT
#include "mellow/losses/recorded_predictions.h"

#include "mellow/engine/internal/on_device.h"
#include "mellow/engine/ops/batch.h"
#include "mellow/engine/ops/softmax.h"

namespace mellow {

RecordedPredictions::RecordedPredictions(const Tensor& labels, int64_t samples, Labels next)
    : labels_(labels),
      predictions_(Tensor::zeros(labels.context(), {samples, labels.dim(1)})),
      next_(std::move(next)) {}

void RecordedPredictions::begin_epoch(int64_t epoch) {
  if (epoch == 0) return;
  const auto rows = next_(epoch, predictions_.to_vector<float>());
  labels_.copy_from(std::as_bytes(std::span(rows)));
}

void RecordedPredictions::after_loss(const Tensor& logits, const Tensor& index) {
  const Tensor p = softmax(logits);
  internal::on_device(labels_.context(), [&](auto& device) { scatter(device, p, index, predictions_); });
}

std::vector<std::pair<std::string, Tensor>> RecordedPredictions::tensors() const {
  return {{"labels", labels_}, {"predictions", predictions_}};
}

}  // namespace mellow
