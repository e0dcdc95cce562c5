// SPDX-License-Identifier: MIT
#include "mellow/losses/cls.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mellow {
namespace {

std::vector<double> class_means(const std::vector<double>& points, std::span<const int32_t> labels,
                                size_t classes) {
  const size_t dims = points.size() / labels.size();
  std::vector<double> means(classes * dims), members(classes);
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto c = static_cast<size_t>(labels[i]);
    members[c] += 1;
    for (size_t d = 0; d < dims; ++d) means[c * dims + d] += points[i * dims + d];
  }
  for (size_t c = 0; c < classes; ++c) {
    MELLOW_CHECK(members[c] > 0, "[cls] class ", c, " has no training sample, its mean is not defined");
    for (size_t d = 0; d < dims; ++d) means[c * dims + d] /= members[c];
  }
  return means;
}

Recipe build(const MethodInputs& in, const MethodOptions& o) {
  const bool encoded = o.choice("source") == "encoder";
  const auto points = to_doubles(encoded ? representations_of(in) : raw_series_of(in));
  const auto distances = class_mean_distances(points, in.labels, in.classes);
  const auto rows = similarity_labels(distances, in.classes, o.number("epsilon"), o.number("tau"));
  return {.q1 = soft_labels(in.context, rows, in.classes, false),
          .report = {{"mean_class_distance", mean_off_diagonal(distances, in.classes)}}};
}

}  // namespace

std::vector<double> class_mean_distances(const std::vector<double>& points, std::span<const int32_t> labels,
                                         int64_t classes) {
  MELLOW_CHECK(!labels.empty() && points.size() % labels.size() == 0, "[cls] ", points.size(),
               " values cannot be rows for ", labels.size(), " labels");
  const auto count = static_cast<size_t>(classes);
  const auto means = class_means(points, labels, count);
  const size_t dims = means.size() / count;
  std::vector<double> distances(count * count);
  for (size_t c = 0; c < count; ++c)
    for (size_t j = 0; j < count; ++j) {
      double square = 0;
      for (size_t d = 0; d < dims; ++d) square += std::pow(means[c * dims + d] - means[j * dims + d], 2);
      distances[c * count + j] = std::sqrt(square);
    }
  return distances;
}

double mean_off_diagonal(const std::vector<double>& distances, int64_t classes) {
  double sum = 0;
  for (int64_t c = 0; c < classes; ++c)
    for (int64_t j = 0; j < classes; ++j)
      if (j != c) sum += distances[static_cast<size_t>(c * classes + j)];
  return sum / static_cast<double>(classes * (classes - 1));
}

std::vector<double> similarity_labels(const std::vector<double>& distances, int64_t classes, double epsilon,
                                      double tau) {
  MELLOW_CHECK(classes >= 2, "[cls] needs at least two classes, got ", classes);
  MELLOW_CHECK(distances.size() == static_cast<size_t>(classes * classes), "[cls] ", classes,
               " classes need classes² distances, got ", distances.size());
  const double mean = mean_off_diagonal(distances, classes);
  MELLOW_CHECK(std::isfinite(mean), "[cls] the distances between class means are not finite");
  const double scale = mean > 0 ? tau * mean : 1;  // mean 0: every exponent is 0
  std::vector<double> q(distances.size());
  for (int64_t c = 0; c < classes; ++c) {
    const double* d = &distances[static_cast<size_t>(c * classes)];
    double* row = &q[static_cast<size_t>(c * classes)];
    double nearest = std::numeric_limits<double>::infinity(), total = 0;
    for (int64_t j = 0; j < classes; ++j)
      if (j != c) nearest = std::min(nearest, d[j]);
    // Shifted by the nearest class: the largest term is 1, so small τ cannot make the sum 0.
    for (int64_t j = 0; j < classes; ++j)
      if (j != c) total += row[j] = std::exp((nearest - d[j]) / scale);
    for (int64_t j = 0; j < classes; ++j) row[j] *= epsilon / total;
    row[c] = 1 - epsilon;
  }
  return q;
}

Method cls_method() {
  return {.name = "cls",
          .formula =
              "CE(q, p), q = 1 - epsilon on the class c, epsilon softmax(-D_cj / (tau mean D)) on "
              "class j, D the distances between class means",
          .paper = "Liu and JaJa 2020 (class similarity; the softmax is this program's choice)",
          .options = {{.name = "epsilon",
                       .help = "mass on the other classes",
                       .value = 0.1,
                       .low = 0,
                       .high = 1,
                       .open_high = true},
                      {.name = "tau",
                       .help = "temperature of the similarities",
                       .value = 1,
                       .high = 1000,
                       .open_low = true},
                      {.name = "source",
                       .help = "what class means are of: raw series or encoder outputs",
                       .choices = {"raw", "encoder"},
                       .choice = "raw"}},
          .uses_encoder = [](const MethodOptions& o) { return o.choice("source") == "encoder"; },
          .build = build};
}

}  // namespace mellow
