// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/engine/nn/model.h"
#include "mellow/engine/train/labelled_set.h"
#include "mellow/engine/train/metrics.h"

namespace mellow {

// Penultimate features of every series of x [samples, length, channels], in evaluation mode: [samples,
// features] on the device. `batch_size` bounds the memory.
Tensor features_of(Classifier& model, const Tensor& x, int64_t batch_size = 256);

// Logits [samples, classes] likewise; the host reads once, at the end.
std::vector<float> logits_of(Classifier& model, const Tensor& x, int64_t batch_size = 256);

// Their softmax, in double.
std::vector<double> predict(Classifier& model, const Tensor& x, int64_t batch_size = 256);

Metrics evaluate(Classifier& model, const LabelledSet& set, int64_t batch_size = 256);

}  // namespace mellow
