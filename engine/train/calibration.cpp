// SPDX-License-Identifier: MIT
#include "mellow/engine/train/calibration.h"

#include <algorithm>
#include <cmath>

#include "mellow/engine/train/metrics.h"

namespace mellow {
namespace {

double edge(int n) { return static_cast<double>(n) / calibration_bins; }

// Bin n holds (n/15, (n+1)/15]. Edges are the constants n/15, as in edge-comparing code: an edge times 15 is
// whole, but so is the product of a neighbour above. What is no number goes to the first bin, where it shows
// as an error that is no number.
int bin_of(double p) {
  if (!(p > 0)) return 0;
  int bin = std::max(0, static_cast<int>(std::ceil(std::min(p, 1.0) * calibration_bins)) - 1);
  if (bin < calibration_bins - 1 && p > edge(bin + 1)) ++bin;
  return bin;
}

}  // namespace

void Calibration::add(double confidence, bool hit) {
  Sums& bin = sums_[static_cast<size_t>(bin_of(confidence))];
  bin.count += 1;
  bin.confidence += confidence;
  bin.hits += hit ? 1 : 0;
  samples_ += 1;
}

double Calibration::error() const {
  double total = 0;
  for (const Sums& bin : sums_) total += std::abs(bin.hits - bin.confidence);
  return empty() ? 0 : total / static_cast<double>(samples_);
}

std::vector<ReliabilityBin> Calibration::bins() const {
  std::vector<ReliabilityBin> all;
  for (int n = 0; n < calibration_bins; ++n) {
    const Sums& sums = sums_[static_cast<size_t>(n)];
    const double count = static_cast<double>(std::max<int64_t>(sums.count, 1));
    all.push_back({edge(n), edge(n + 1), sums.count, sums.confidence / count, sums.hits / count});
  }
  return all;
}

std::vector<ReliabilityBin> reliability(std::span<const double> probabilities,
                                        std::span<const int32_t> labels, int64_t classes) {
  check_scored("reliability", probabilities, labels, classes);
  const auto predicted = predictions_of(probabilities, classes);
  Calibration top;
  for (size_t i = 0; i < labels.size(); ++i) {
    const size_t at = i * static_cast<size_t>(classes) + static_cast<size_t>(predicted[i]);
    top.add(probabilities[at], predicted[i] == labels[i]);
  }
  return top.bins();
}

}  // namespace mellow
