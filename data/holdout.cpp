// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include "mellow/data/prepare.h"
#include "mellow/engine/core/error.h"
#include "mellow/engine/core/random.h"

namespace mellow {

Holdout stratified_holdout(const SeriesSet& set, double fraction, uint64_t seed) {
  MELLOW_CHECK(fraction > 0 && fraction < 1, "[holdout] the fraction must lie between 0 and 1, got ",
               fraction);
  check_consistent(set);
  MELLOW_CHECK(set.labelled(), "[holdout] ", set.name, ": a stratified split needs labels");
  std::vector<std::vector<int64_t>> members(set.class_names.size());
  for (int64_t i = 0; i < set.series; ++i)
    members[static_cast<size_t>(set.labels[static_cast<size_t>(i)])].push_back(i);
  Holdout out;
  for (size_t k = 0; k < members.size(); ++k) {
    auto& rows = members[k];
    if (rows.size() == 1)
      throw Error(
          text("[holdout] ", set.name, ": class ", set.class_names[k],
               " has 1 series, a validation split needs 2 of every class; train without one or add series"),
          ErrorKind::input);
    for (size_t i = rows.size(); i > 1; --i) {  // Fisher-Yates
      const RandomWords words = random_words(seed, RandomStream::split, k, i);
      std::swap(rows[i - 1], rows[below(i, words[0], words[1])]);
    }
    if (rows.empty()) continue;
    const auto n = static_cast<int64_t>(rows.size());
    const auto wanted = static_cast<int64_t>(std::llround(fraction * static_cast<double>(n)));
    const int64_t held = std::clamp<int64_t>(wanted, 1, n - 1);
    out.held_out.insert(out.held_out.end(), rows.begin(), rows.begin() + held);
    out.kept.insert(out.kept.end(), rows.begin() + held, rows.end());
  }
  std::sort(out.kept.begin(), out.kept.end());
  std::sort(out.held_out.begin(), out.held_out.end());
  return out;
}

}  // namespace mellow
