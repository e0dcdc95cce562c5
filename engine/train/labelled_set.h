// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "mellow/engine/core/tensor.h"
#include "mellow/engine/train/metrics.h"

namespace mellow {

// A data set on the device: copied there once, gathered from by every step.
struct LabelledSet {
  Tensor x;                    // float32 [samples, length, channels]
  Tensor labels;               // i32 [samples], class indices
  std::vector<int32_t> truth;  // the same on the host
  int64_t classes = 0;

  int64_t samples() const { return x.dim(0); }
};

// Throws when values and labels do not fit the shape or a label is outside [0, classes).
inline LabelledSet make_labelled_set(Context& context, const Shape& shape, std::span<const float> values,
                                     std::vector<int32_t> labels, int64_t classes) {
  MELLOW_CHECK(shape.rank() == 3, "[labelled set] series must be [samples, length, channels], got ", shape);
  MELLOW_CHECK(static_cast<int64_t>(labels.size()) == shape[0], "[labelled set] ", shape[0],
               " series need as many labels, got ", labels.size());
  check_labels("labelled set", labels, classes);
  LabelledSet set{
      Tensor::from(context, shape, values), Tensor::from(context, {shape[0]}, labels), {}, classes};
  set.truth = std::move(labels);
  return set;
}

}  // namespace mellow
