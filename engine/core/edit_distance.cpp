// SPDX-License-Identifier: MIT
#include "mellow/engine/core/edit_distance.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace mellow {

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({change, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

std::vector<std::string> nearest(std::vector<std::string> names, std::string_view name, size_t count) {
  std::vector<std::pair<size_t, std::string>> ranked;
  for (auto& candidate : names) {
    const size_t distance = edit_distance(candidate, name);
    ranked.emplace_back(distance, std::move(candidate));
  }
  std::sort(ranked.begin(), ranked.end());
  names.clear();
  for (size_t i = 0; i < std::min(count, ranked.size()); ++i) names.push_back(std::move(ranked[i].second));
  return names;
}

}  // namespace mellow
