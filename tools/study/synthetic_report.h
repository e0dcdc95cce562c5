// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "mellow/tools/study/synthetic_result.h"

namespace mellow::tools {

// All replicates at one learning rate.
struct RateResults {
  double lr;
  std::vector<ReplicateResult> replicates;
};

// One line per rate and method: each quantity's mean, standard error (<quantity>_se; empty for one replicate)
// and published value (<quantity>_published).
std::string study_csv(const std::vector<RateResults>& rates);

// One line per rate, kind of points (training, test) and bin of the teacher's p_y: the factor whose networks'
// mean p_y is closest to the teacher's (the paper's Figure 4), that mean, and ILS1's curve at P1 = 0.8, P2
// = 2.
std::string curve_csv(const std::vector<RateResults>& rates);

// A Markdown table: mean ±standard error / published. "*" marks a published value further away than two
// standard errors of the difference (both tables having this one's error) and its own rounding.
std::string study_table(const RateResults& rate);

}  // namespace mellow::tools
