// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>

namespace mellow {

// Points [samples, dims], row-major, with their class indices.
struct LabelledPoints {
  std::span<const float> values;
  std::span<const int32_t> labels;
};

// Share of test points whose nearest training point (Euclidean; ties: the first) has their label. Throws when
// there are no points or the counts do not fit.
double nearest_neighbour_accuracy(const LabelledPoints& train, const LabelledPoints& test, int64_t dims);

}  // namespace mellow
