// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/engine/nn/model.h"
#include "mellow/engine/train/labelled_set.h"
#include "mellow/engine/train/metrics.h"

namespace mellow {

// Logits of every series of x [samples, length, channels], in evaluation mode: [samples, classes]. The host
// reads once, at the end. `batch_size` bounds the memory.
std::vector<float> logits_of(Classifier& model, const Tensor& x, int64_t batch_size = 256);

// Probabilities of every series of x [samples, length, channels] in double: softmax of its logits.
std::vector<double> predict(Classifier& model, const Tensor& x, int64_t batch_size = 256);

Metrics evaluate(Classifier& model, const LabelledSet& set, int64_t batch_size = 256);

}  // namespace mellow
