// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>

namespace mellow {

// Where a temperature may lie. The instance-based smoothing paper's code has [0.8, 3].
struct TemperatureBounds {
  double low = 0.05, high = 20;
};

// Temperature scaling (Guo et al., ICML 2017): the T in [low, high] with the lowest mean negative
// log-likelihood of softmax(z / T), to about twelve digits. logits row-major [samples, classes], finite;
// log-probabilities do as well, since softmax(log p / T) = softmax(z / T). labels [samples] in [0, classes).
// Samples that every T > 0 classifies right want T = 0 and give `low`, logits worse than chance give `high`;
// rows without contrast (all logits equal) say nothing, and when there is no other the answer is 1, or the
// bound next to it. Throws for no samples, sizes that do not fit, bad labels, values or bounds.
double fit_temperature(std::span<const double> logits, std::span<const int32_t> labels, int64_t classes,
                       TemperatureBounds bounds = {});

}  // namespace mellow
