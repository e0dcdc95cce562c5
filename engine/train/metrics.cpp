// SPDX-License-Identifier: MIT
#include "mellow/engine/train/metrics.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "mellow/engine/core/error.h"

namespace mellow {
namespace {

constexpr int bins = 15;

// Bin n holds (n/15, (n+1)/15]; 0 belongs to the first. Edges are the constants n/15, as in edge-comparing
// code.
int bin_of(double p) {
  int bin = std::clamp(static_cast<int>(std::ceil(p * bins)) - 1, 0, bins - 1);
  if (bin > 0 && p <= static_cast<double>(bin) / bins) --bin;
  if (bin < bins - 1 && p > static_cast<double>(bin + 1) / bins) ++bin;
  return bin;
}

// Σ over bins of |Σ (hit − p)|: the calibration error times the number of samples.
class Calibration {
 public:
  void add(double p, bool hit) {
    gap_[static_cast<size_t>(bin_of(p))] += (hit ? 1.0 : 0.0) - p;
    count_ += 1;
  }
  double error() const {
    double total = 0;
    for (const double gap : gap_) total += std::abs(gap);
    return count_ == 0 ? 0 : total / static_cast<double>(count_);
  }
  bool empty() const { return count_ == 0; }

 private:
  std::array<double, bins> gap_{};
  int64_t count_ = 0;
};

double macro_f1(std::span<const int32_t> predicted, std::span<const int32_t> labels, int64_t classes) {
  const auto k = static_cast<size_t>(classes);
  std::vector<double> hits(k), predictions(k), truths(k);
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto p = static_cast<size_t>(predicted[i]), y = static_cast<size_t>(labels[i]);
    predictions[p] += 1;
    truths[y] += 1;
    if (p == y) hits[y] += 1;
  }
  double total = 0, present = 0;
  for (size_t c = 0; c < k; ++c) {
    if (predictions[c] + truths[c] == 0) continue;
    total += 2 * hits[c] / (predictions[c] + truths[c]);
    present += 1;
  }
  return total / present;
}

}  // namespace

std::vector<int32_t> predictions_of(std::span<const double> probabilities, int64_t classes) {
  std::vector<int32_t> predicted;
  const auto k = static_cast<size_t>(classes);
  predicted.reserve(probabilities.size() / k);
  for (size_t i = 0; i + k <= probabilities.size(); i += k) {
    const auto row = probabilities.subspan(i, k);
    predicted.push_back(static_cast<int32_t>(std::max_element(row.begin(), row.end()) - row.begin()));
  }
  return predicted;
}

std::vector<double> probabilities_of(std::span<const float> logits, int64_t classes) {
  std::vector<double> p(logits.begin(), logits.end());
  const auto k = static_cast<size_t>(classes);
  for (size_t i = 0; i + k <= p.size(); i += k) {
    const auto row = std::span(p).subspan(i, k);
    const double largest = *std::max_element(row.begin(), row.end());
    double total = 0;
    for (double& v : row) total += v = std::exp(v - largest);
    for (double& v : row) v /= total;
  }
  return p;
}

Metrics score(std::span<const double> probabilities, std::span<const int32_t> labels, int64_t classes) {
  const auto k = static_cast<size_t>(classes);
  MELLOW_CHECK(classes >= 1 && !labels.empty() && probabilities.size() == labels.size() * k, "[score] ",
               labels.size(), " labels of ", classes, " classes need as many rows of probabilities, got ",
               probabilities.size(), " values");
  const auto predicted = predictions_of(probabilities, classes);
  Metrics m;
  Calibration top;
  std::vector<Calibration> by_class(k), by_truth(k);
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto row = probabilities.subspan(i * k, k);
    const auto y = static_cast<size_t>(labels[i]);
    const bool hit = predicted[i] == labels[i];
    const double confidence = row[static_cast<size_t>(predicted[i])];
    m.accuracy += hit ? 1 : 0;
    m.nll -= std::log(std::clamp(row[y], 1e-15, 1 - 1e-15));
    for (size_t c = 0; c < k; ++c) {
      const double e = c == y ? 1 : 0;
      m.brier += (row[c] - e) * (row[c] - e);
      by_class[c].add(row[c], c == y);
    }
    top.add(confidence, hit);
    by_truth[y].add(confidence, hit);
  }
  const auto n = static_cast<double>(labels.size());
  m.accuracy /= n;
  m.nll /= n;
  m.brier /= n;
  m.ece = top.error();
  double present = 0;
  for (size_t c = 0; c < k; ++c) {
    m.cwece += by_class[c].error() / static_cast<double>(k);
    if (by_truth[c].empty()) continue;
    m.cwece_cc += by_truth[c].error();
    present += 1;
  }
  m.cwece_cc /= present;
  m.macro_f1 = macro_f1(predicted, labels, classes);
  return m;
}

}  // namespace mellow
