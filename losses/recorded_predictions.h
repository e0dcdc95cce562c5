// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <vector>

#include "mellow/engine/train/moving_labels.h"

namespace mellow {

// Keeps every sample's prediction of an epoch, as training saw it, and makes the next epoch's labels of them.
class RecordedPredictions : public MovingLabels {
 public:
  // The table of q1, row-major, for an epoch (from 1) from the predictions [samples, classes] of the one
  // before.
  using Labels = std::function<std::vector<float>(int64_t epoch, const std::vector<float>& predictions)>;

  // `labels`: q1's table, holding epoch 0's labels, rewritten by `next`.
  RecordedPredictions(const Tensor& labels, int64_t samples, Labels next);

  void begin_epoch(int64_t epoch) override;
  void after_loss(const Tensor& logits, const Tensor& index) override;
  std::vector<std::pair<std::string, Tensor>> tensors() const override;

 private:
  Tensor labels_, predictions_;
  Labels next_;
};

}  // namespace mellow
