// SPDX-License-Identifier: MIT
#include "mellow/engine/train/average_ranks.h"

#include <cmath>

#include "mellow/engine/core/error.h"

namespace mellow {

std::vector<double> average_ranks(std::span<const double> scores, int64_t methods) {
  MELLOW_CHECK(methods >= 1 && !scores.empty() && scores.size() % static_cast<size_t>(methods) == 0,
               "[average ranks] ", scores.size(), " scores do not fill rows of ", methods, " methods");
  for (const double score : scores) MELLOW_CHECK(!std::isnan(score), "[average ranks] a score is no number");
  const size_t k = static_cast<size_t>(methods), datasets = scores.size() / k;
  std::vector<double> ranks(k);
  for (size_t row = 0; row < scores.size(); row += k)
    for (size_t m = 0; m < k; ++m) {
      double above = 0, equal = 0;  // equal counts the method itself
      for (const double other : scores.subspan(row, k)) {
        above += other > scores[row + m] ? 1 : 0;
        equal += other == scores[row + m] ? 1 : 0;
      }
      ranks[m] += above + (equal + 1) / 2;
    }
  for (double& rank : ranks) rank /= static_cast<double>(datasets);
  return ranks;
}

}  // namespace mellow
