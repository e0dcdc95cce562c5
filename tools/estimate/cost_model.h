// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

// A linear model of time: each kind of work costs a fixed number of seconds.
namespace mellow::tools {

// How often a task does each kind of work; the same kinds in the same order throughout one model.
using Counts = std::vector<double>;

struct Measurement {
  Counts counts;
  double seconds = 0;
};

// Seconds per count, none negative, with the least sum of squared relative errors. A kind of work that no
// measurement has costs 0. Throws for no measurements, counts of different sizes (or more than eight kinds),
// and seconds that are not positive.
Counts fit_costs(const std::vector<Measurement>& measurements);

// Σ costs · counts.
double seconds_of(const Counts& costs, const Counts& counts);

// Largest |predicted / measured - 1|.
double largest_error(const Counts& costs, const std::vector<Measurement>& measurements);

}  // namespace mellow::tools
