// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/losses/method.h"

// Instance-based label smoothing (ILS): how much mass leaves a sample's class, and where it goes, follows a
// teacher's prediction. Methods ils1, ils2 and ils.
namespace mellow {

// ILS1's mass: ε = min(0.2, p2 (t_y − p1)²), t_y = the calibrated teacher's probability of the class.
std::vector<double> instance_epsilons(const std::vector<double>& own_probabilities, double p1, double p2);

// ILS2's labels: 1 − ε_i on the class, ε_i t_j / (1 − t_y) elsewhere, t = softmax(logits / τ). The quotient
// is the softmax over the other classes, which stays exact when the teacher is sure. Row-major [samples,
// classes]. Needs two classes.
std::vector<double> teacher_shaped_labels(const std::vector<double>& logits, std::span<const int32_t> labels,
                                          int64_t classes, const std::vector<double>& epsilons, double tau);

// ILS1's labels: (1 − ε_i) e + ε_i / K. Row-major [samples, classes].
std::vector<double> instance_smoothed_labels(std::span<const int32_t> labels, int64_t classes,
                                             const std::vector<double>& epsilons);

// Probability of the class under the teacher, after temperature scaling on the validation series within the
// paper's bounds; `temperature` gets T.
std::vector<double> calibrated_own_probabilities(const TeacherOutputs& teacher,
                                                 std::span<const int32_t> labels, int64_t classes,
                                                 double& temperature);

// The options p1 and p2 with the paper's best values on its synthetic study.
std::vector<MethodOption> instance_options();
// The option tau of methods that take the shape from a teacher.
MethodOption teacher_temperature_option();

}  // namespace mellow
