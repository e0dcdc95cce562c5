// SPDX-License-Identifier: MIT
#pragma once

#include "mellow/losses/method.h"

namespace mellow {

// How confidences become soft labels.
enum class RslsForm {
  coefficient,  // P_n = κ / d_n for other classes, P_y their sum, q = softmax(P / τ)
  normalised    // q = P / ΣP: the own class gets exactly ½, the others a share ∝ 1 / d_n
};

// Representation soft labels from mean distances [samples, classes] to the samples of each class (row-major;
// the own class's entry is not used): specs of "Representation soft label smoothing" (arXiv 2408.17010), as
// reconstructed in docs/methods.md. Returns q, [samples, classes].
std::vector<double> rsls_labels(const std::vector<double>& distances, std::span<const int32_t> labels,
                                int64_t classes, double kappa, double tau, RslsForm form);

// Largest |q − 1/K| of a table of soft labels: how far they are from saying nothing.
double distance_from_uniform(const std::vector<double>& rows, int64_t classes);

// The method "rsls" with its options.
Method rsls_method();

inline void register_rsls(LossesTable& table) { table.methods.push_back(rsls_method()); }

}  // namespace mellow
