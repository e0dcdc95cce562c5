// SPDX-License-Identifier: MIT
#include "mellow/losses/instance_smoothing.h"

#include <algorithm>
#include <cmath>

#include "mellow/engine/train/temperature_scaling.h"

namespace mellow {
namespace {

constexpr double largest_epsilon = 0.2;
constexpr TemperatureBounds teacher_bounds{0.8, 3.0};  // of the authors' code

size_t place(size_t sample, int64_t classes, int32_t label) {
  return sample * static_cast<size_t>(classes) + static_cast<size_t>(label);
}

}  // namespace

std::vector<double> instance_epsilons(const std::vector<double>& own_probabilities, double p1, double p2) {
  std::vector<double> epsilons = own_probabilities;
  for (double& e : epsilons) e = std::min(largest_epsilon, p2 * (e - p1) * (e - p1));
  return epsilons;
}

std::vector<double> teacher_shaped_labels(const std::vector<double>& logits, std::span<const int32_t> labels,
                                          int64_t classes, const std::vector<double>& epsilons, double tau) {
  MELLOW_CHECK(classes >= 2, "[instance smoothing] needs at least two classes, got ", classes);
  std::vector<double> q(logits.size());
  for (size_t i = 0; i < labels.size(); ++i) {
    const size_t first = place(i, classes, 0), own = place(i, classes, labels[i]);
    const size_t end = place(i + 1, classes, 0);
    double top = -INFINITY, sum = 0;
    for (size_t c = first; c < end; ++c)
      if (c != own) top = std::max(top, logits[c]);
    for (size_t c = first; c < end; ++c)
      if (c != own) sum += q[c] = std::exp((logits[c] - top) / tau);
    for (size_t c = first; c < end; ++c) q[c] *= epsilons[i] / sum;
    q[own] = 1 - epsilons[i];
  }
  return q;
}

std::vector<double> instance_smoothed_labels(std::span<const int32_t> labels, int64_t classes,
                                             const std::vector<double>& epsilons) {
  std::vector<double> q(labels.size() * static_cast<size_t>(classes));
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto row = q.begin() + static_cast<int64_t>(place(i, classes, 0));
    std::fill_n(row, classes, epsilons[i] / static_cast<double>(classes));
    row[labels[i]] += 1 - epsilons[i];
  }
  return q;
}

std::vector<double> calibrated_own_probabilities(const TeacherOutputs& teacher,
                                                 std::span<const int32_t> labels, int64_t classes,
                                                 double& temperature) {
  MELLOW_CHECK(!teacher.validation_labels.empty(),
               "[instance smoothing] the teacher is calibrated on validation series: hold some out with "
               "--val holdout:0.2");
  temperature =
      fit_temperature(teacher.validation_logits, teacher.validation_labels, classes, teacher_bounds);
  const auto p = softened_rows(teacher.logits, classes, temperature);
  std::vector<double> own(labels.size());
  for (size_t i = 0; i < own.size(); ++i) own[i] = p[place(i, classes, labels[i])];
  return own;
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
