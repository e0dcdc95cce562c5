// SPDX-License-Identifier: MIT
#include "mellow/engine/train/class_separation.h"

#include <algorithm>
#include <limits>
#include <map>
#include <vector>

#include "mellow/engine/core/error.h"
#include "mellow/engine/ops/class_distance.h"

namespace mellow {
namespace {

// Sums of one pass over the samples.
struct Sums {
  double own = 0, others = 0;              // distances
  double own_pairs = 0, others_pairs = 0;  // ordered
  double silhouette = 0;
};

// `distance` holds one sample's mean distances to the classes, itself included at 0; `members` their sizes.
void add_sample(Sums& sums, std::span<const double> distance, std::span<const double> members, size_t own) {
  double nearest = std::numeric_limits<double>::infinity();
  for (size_t c = 0; c < members.size(); ++c) {
    if (c == own) continue;
    sums.others += distance[c] * members[c];
    sums.others_pairs += members[c];
    nearest = std::min(nearest, distance[c]);
  }
  const double companions = members[own] - 1;
  if (companions == 0) return;
  sums.own += distance[own] * members[own];
  sums.own_pairs += companions;
  const double within = distance[own] * members[own] / companions, larger = std::max(within, nearest);
  if (larger > 0) sums.silhouette += (nearest - within) / larger;
}

}  // namespace

ClassSeparation class_separation(const Tensor& x, std::span<const int32_t> labels) {
  check_rank("class separation", x, 2, "x [samples, dims]");
  MELLOW_CHECK(x.dim(0) == static_cast<int64_t>(labels.size()), "[class separation] ", x.dim(0),
               " samples need as many labels, got ", labels.size());
  std::map<int32_t, size_t> place;  // of each class that occurs
  for (const int32_t label : labels) place.emplace(label, 0);
  MELLOW_CHECK(place.size() >= 2 && place.size() < labels.size(),
               "[class separation] needs two classes, one of them with two samples; got ", labels.size(),
               " samples of ", place.size());
  std::vector<double> members(place.size());
  std::vector<int32_t> own;
  size_t next = 0;
  for (auto& entry : place) entry.second = next++;
  for (const int32_t label : labels) {
    own.push_back(static_cast<int32_t>(place[label]));
    members[place[label]] += 1;
  }
  const auto k = static_cast<int64_t>(members.size());
  const auto distances = to_doubles(class_distances(x, Tensor::from(x.context(), {x.dim(0)}, own), k));
  Sums sums;
  for (size_t i = 0; i < own.size(); ++i)
    add_sample(sums, std::span(distances).subspan(i * members.size(), members.size()), members,
               static_cast<size_t>(own[i]));
  ClassSeparation s{.intra = sums.own / sums.own_pairs, .inter = sums.others / sums.others_pairs};
  s.ratio = s.intra / s.inter;
  s.silhouette = sums.silhouette / static_cast<double>(own.size());
  return s;
}

}  // namespace mellow
