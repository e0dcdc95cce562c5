// SPDX-License-Identifier: MIT
#include "mellow/losses/instance_smoothing.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "mellow/engine/core/error.h"
#include "mellow/engine/train/metrics.h"
#include "mellow/engine/train/temperature_scaling.h"

namespace mellow {
namespace {

constexpr double largest_epsilon = 0.2;
constexpr TemperatureBounds teacher_bounds{0.8, 3.0};  // of the authors' code

void check(std::span<const int32_t> labels, int64_t classes, std::span<const double> epsilon) {
  MELLOW_CHECK(classes >= 2 && epsilon.size() == labels.size(), "[instance_smoothing] ", labels.size(),
               " labels of at least 2 classes need one epsilon each, got ", epsilon.size(), " and ", classes,
               " classes");
  check_labels("instance_smoothing", labels, classes);
}

}  // namespace

double instance_epsilon(double p_true, double p1, double p2) {
  return std::min(largest_epsilon, p2 * (p_true - p1) * (p_true - p1));
}

std::vector<double> smoothed_labels(std::span<const int32_t> labels, int64_t classes,
                                    std::span<const double> epsilon) {
  check(labels, classes, epsilon);
  const auto k = static_cast<size_t>(classes);
  std::vector<double> q(labels.size() * k);
  for (size_t i = 0; i < labels.size(); ++i) {
    for (size_t c = 0; c < k; ++c) q[i * k + c] = epsilon[i] / static_cast<double>(classes);
    q[i * k + static_cast<size_t>(labels[i])] += 1 - epsilon[i];
  }
  return q;
}

std::vector<double> teacher_shaped_labels(std::span<const int32_t> labels, int64_t classes,
                                          std::span<const double> epsilon,
                                          std::span<const double> teacher_logits, double temperature) {
  check(labels, classes, epsilon);
  const auto k = static_cast<size_t>(classes);
  MELLOW_CHECK(temperature > 0 && teacher_logits.size() == labels.size() * k, "[instance_smoothing] ",
               labels.size(), " labels of ", classes,
               " classes need as many rows of teacher logits and a positive temperature, got ",
               teacher_logits.size(), " values and ", temperature);
  std::vector<double> q(teacher_logits.size());
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto z = teacher_logits.subspan(i * k, k);
    const auto y = static_cast<size_t>(labels[i]);
    double largest = -std::numeric_limits<double>::infinity(), total = 0;
    for (size_t c = 0; c < k; ++c)
      if (c != y) largest = std::max(largest, z[c]);
    for (size_t c = 0; c < k; ++c)
      if (c != y) total += q[i * k + c] = std::exp((z[c] - largest) / temperature);
    for (size_t c = 0; c < k; ++c) q[i * k + c] *= epsilon[i] / total;
    q[i * k + y] = 1 - epsilon[i];
  }
  return q;
}

std::vector<double> calibrated_epsilons(const TeacherOutputs& teacher, std::span<const int32_t> labels,
                                        int64_t classes, const MethodOptions& options, double& temperature) {
  MELLOW_CHECK(!teacher.validation_labels.empty(),
               "[instance_smoothing] the teacher is calibrated on validation series: hold some out with "
               "--val holdout:0.2");
  temperature =
      fit_temperature(teacher.validation_logits, teacher.validation_labels, classes, teacher_bounds);
  const auto p = probabilities_of(teacher.logits, classes, temperature);
  std::vector<double> epsilons;
  for (size_t i = 0; i < labels.size(); ++i)
    epsilons.push_back(instance_epsilon(p[i * static_cast<size_t>(classes) + static_cast<size_t>(labels[i])],
                                        options.number("p1"), options.number("p2")));
  return epsilons;
}

MethodOption teacher_temperature_option() {
  return {.name = "tau", .help = "temperature of the teacher", .value = 4, .high = 1000, .open_low = true};
}

std::vector<MethodOption> instance_options() {
  return {{.name = "p1",
           .help = "teacher's confidence that needs no smoothing",
           .value = 0.8,
           .low = 0,
           .high = 1},
          {.name = "p2", .help = "curvature of the smoothing around it", .value = 2, .low = 0, .high = 100}};
}

}  // namespace mellow
