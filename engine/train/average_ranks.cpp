// SPDX-License-Identifier: MIT
#include "mellow/engine/train/average_ranks.h"

#include <algorithm>
#include <cmath>

#include "mellow/engine/core/error.h"

namespace mellow {
namespace {

// Means of the same counts, summed in another order, differ in their last bits.
bool is_tie(double a, double b) { return std::abs(a - b) <= 1e-10 * std::max(std::abs(a), std::abs(b)); }

}  // namespace

std::vector<double> average_ranks(std::span<const double> scores, int64_t methods) {
  MELLOW_CHECK(methods >= 1 && !scores.empty() && scores.size() % static_cast<size_t>(methods) == 0,
               "[average ranks] ", scores.size(), " scores do not fill rows of ", methods, " methods");
  for (const double score : scores)
    MELLOW_CHECK(!std::isnan(score), "[average ranks] a score is not a number");
  const size_t k = static_cast<size_t>(methods), datasets = scores.size() / k;
  std::vector<double> ranks(k);
  for (size_t row = 0; row < scores.size(); row += k)
    for (size_t m = 0; m < k; ++m) {
      double above = 0, equal = 0;  // equal counts the method itself
      for (const double other : scores.subspan(row, k)) {
        const bool tied = is_tie(other, scores[row + m]);
        equal += tied ? 1 : 0;
        above += !tied && other > scores[row + m] ? 1 : 0;
      }
      ranks[m] += above + (equal + 1) / 2;
    }
  for (double& rank : ranks) rank /= static_cast<double>(datasets);
  return ranks;
}

}  // namespace mellow
