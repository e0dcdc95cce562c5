// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "mellow/losses/method.h"

// Soft labels of instance-based label smoothing (ILS; methods ils1, ils2 and ils). Tables are [samples,
// classes]; epsilon has one value per sample.
namespace mellow {

// ILS1's factor from the teacher's probability of the true class: min(0.2, p2 (p_true − p1)²). p1 is where
// the parabola touches zero, p2 its curvature (the paper's Table V prints the two columns swapped).
double instance_epsilon(double p_true, double p1, double p2);

// q = (1 − ε) e + ε/K: the true class gets 1 − ε + ε/K. LS with one ε for all, ILS1 with instance_epsilon().
std::vector<double> smoothed_labels(std::span<const int32_t> labels, int64_t classes,
                                    std::span<const double> epsilon);

// q_y = 1 − ε, and the others share ε as the teacher shares what it does not give to y:
// ε p^t_j / (1 − p^t_y) with p^t = softmax(z / temperature), computed as a softmax over j ≠ y, so that a
// saturated teacher divides by nothing. ILS2 with one ε for all, ILS with instance_epsilon().
std::vector<double> teacher_shaped_labels(std::span<const int32_t> labels, int64_t classes,
                                          std::span<const double> epsilon,
                                          std::span<const double> teacher_logits, double temperature);

// instance_epsilon() of every sample for the teacher calibrated by temperature scaling on the validation
// series, within the bounds of the authors' code; `temperature` gets T.
std::vector<double> calibrated_epsilons(const TeacherOutputs& teacher, std::span<const int32_t> labels,
                                        int64_t classes, const MethodOptions& options, double& temperature);

// The options p1 and p2 with the paper's best values on its synthetic study.
std::vector<MethodOption> instance_options();
// The option tau of methods that take the shape from a teacher.
MethodOption teacher_temperature_option();

}  // namespace mellow
