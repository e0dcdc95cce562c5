// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace mellow {

// Mean rank of each method over data sets: the highest score of a data set has rank 1, ties (up to a
// relative 1e-10) share the mean of their ranks (Demšar 2006). scores row-major [datasets, methods], such as
// accuracies; for losses hand in their negatives. Throws for an empty table and for scores that are not
// numbers.
std::vector<double> average_ranks(std::span<const double> scores, int64_t methods);

}  // namespace mellow
