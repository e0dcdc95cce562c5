// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/losses/method.h"

namespace mellow {

// ‖μ_c − μ_j‖₂ between the means of the classes, [classes, classes]. `points` row-major [samples, dims]. A
// class without samples is an error.
std::vector<double> class_mean_distances(const std::vector<double>& points, std::span<const int32_t> labels,
                                         int64_t classes);

// Mean over the pairs of different classes.
double mean_off_diagonal(const std::vector<double>& distances, int64_t classes);

// Smoothing by class similarity: row c has 1 − ε on c and ε softmax_{j≠c}(−D_cj / (τ · mean D)) elsewhere.
// From distances [classes, classes]; [classes, classes] too. All distances 0: the others share ε evenly.
std::vector<double> similarity_labels(const std::vector<double>& distances, int64_t classes, double epsilon,
                                      double tau);

// The method "cls" with its options.
Method cls_method();

inline void register_cls(LossesTable& table) { table.methods.push_back(cls_method()); }

}  // namespace mellow
