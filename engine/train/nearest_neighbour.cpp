// SPDX-License-Identifier: MIT
#include "mellow/engine/train/nearest_neighbour.h"

#include <limits>

#include "mellow/engine/core/error.h"

namespace mellow {
namespace {

void check_points(const LabelledPoints& points, int64_t dims) {
  MELLOW_CHECK(dims >= 1 && !points.labels.empty() &&
                   points.values.size() == points.labels.size() * static_cast<size_t>(dims),
               "[nearest neighbour] ", points.labels.size(), " labels of points with ", dims,
               " dimensions need as many rows, got ", points.values.size(), " values");
}

double squared_distance(const float* a, const float* b, int64_t dims) {
  double sum = 0;
  for (int64_t d = 0; d < dims; ++d) {
    const double gap = static_cast<double>(a[d]) - b[d];
    sum += gap * gap;
  }
  return sum;
}

}  // namespace

double nearest_neighbour_accuracy(const LabelledPoints& train, const LabelledPoints& test, int64_t dims) {
  check_points(train, dims);
  check_points(test, dims);
  const auto width = static_cast<size_t>(dims);
  size_t hits = 0;
  for (size_t i = 0; i < test.labels.size(); ++i) {
    double nearest = std::numeric_limits<double>::infinity();
    int32_t label = train.labels[0];
    for (size_t j = 0; j < train.labels.size(); ++j) {
      const double distance = squared_distance(&test.values[i * width], &train.values[j * width], dims);
      if (distance < nearest) {
        nearest = distance;
        label = train.labels[j];
      }
    }
    hits += label == test.labels[i] ? 1 : 0;
  }
  return static_cast<double>(hits) / static_cast<double>(test.labels.size());
}

}  // namespace mellow
