// SPDX-License-Identifier: MIT
#include "mellow/engine/train/metrics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "mellow/engine/core/error.h"
#include "mellow/engine/train/calibration.h"

namespace mellow {
namespace {

void check_classes(const char* where, int64_t classes) {
  MELLOW_CHECK(classes >= 1, "[", where, "] rows need at least one class, got ", classes);
}

// Softmax of each row of p / temperature, in place.
std::vector<double> softmax_of(std::vector<double> p, int64_t classes, double temperature) {
  check_classes("probabilities_of", classes);
  const auto k = static_cast<size_t>(classes);
  for (size_t i = 0; i + k <= p.size(); i += k) {
    const auto row = std::span(p).subspan(i, k);
    const double largest = *std::max_element(row.begin(), row.end());
    double total = 0;
    for (double& v : row) total += v = std::exp((v - largest) / temperature);
    for (double& v : row) v /= total;
  }
  return p;
}

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

// 1 − S. The mean ‖p − p̄‖² of a class is its mean ‖p‖² − ‖p̄‖². Class by class: one mean in memory at a time.
double instability(std::span<const double> probabilities, std::span<const int32_t> labels, size_t k) {
  std::vector<size_t> order(labels.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return labels[a] < labels[b]; });
  double total = 0, present = 0;
  for (size_t from = 0, to = 0; from < order.size(); from = to) {
    std::vector<double> sum(k);
    double squares = 0;
    for (; to < order.size() && labels[order[to]] == labels[order[from]]; ++to)
      for (size_t c = 0; c < k; ++c) {
        const double p = probabilities[order[to] * k + c];
        sum[c] += p;
        squares += p * p;
      }
    const auto n = static_cast<double>(to - from);
    double of_mean = 0;
    for (const double s : sum) of_mean += (s / n) * (s / n);
    total += std::max(squares / n - of_mean, 0.0);
    present += 1;
  }
  return total / present;
}

}  // namespace

void check_labels(const char* where, std::span<const int32_t> labels, int64_t classes) {
  for (const int32_t label : labels)
    MELLOW_CHECK(label >= 0 && label < classes, "[", where, "] label ", label, " lies outside [0, ", classes,
                 ")");
}

void check_scored(const char* where, std::span<const double> values, std::span<const int32_t> labels,
                  int64_t classes) {
  MELLOW_CHECK(
      classes >= 1 && !labels.empty() && values.size() == labels.size() * static_cast<size_t>(classes), "[",
      where, "] ", labels.size(), " labels of ", classes,
      " classes need as many rows of as many numbers, at least one, got ", values.size(), " values");
  check_labels(where, labels, classes);
}

std::vector<int32_t> predictions_of(std::span<const double> probabilities, int64_t classes) {
  check_classes("predictions_of", classes);
  std::vector<int32_t> predicted;
  const auto k = static_cast<size_t>(classes);
  predicted.reserve(probabilities.size() / k);
  for (size_t i = 0; i + k <= probabilities.size(); i += k) {
    const auto row = probabilities.subspan(i, k);
    predicted.push_back(static_cast<int32_t>(std::max_element(row.begin(), row.end()) - row.begin()));
  }
  return predicted;
}

std::vector<double> probabilities_of(std::span<const float> logits, int64_t classes, double temperature) {
  return softmax_of({logits.begin(), logits.end()}, classes, temperature);
}

std::vector<double> probabilities_of(std::span<const double> logits, int64_t classes, double temperature) {
  return softmax_of({logits.begin(), logits.end()}, classes, temperature);
}

std::vector<int64_t> confusion_matrix(std::span<const int32_t> predicted, std::span<const int32_t> labels,
                                      int64_t classes) {
  check_classes("confusion matrix", classes);
  MELLOW_CHECK(predicted.size() == labels.size(), "[confusion matrix] ", labels.size(),
               " labels need as many predictions, got ", predicted.size());
  const auto k = static_cast<size_t>(classes);
  std::vector<int64_t> counts(k * k);
  check_labels("confusion matrix", labels, classes);
  check_labels("confusion matrix", predicted, classes);
  for (size_t i = 0; i < labels.size(); ++i)
    ++counts[static_cast<size_t>(labels[i]) * k + static_cast<size_t>(predicted[i])];
  return counts;
}

Metrics score(std::span<const double> probabilities, std::span<const int32_t> labels, int64_t classes) {
  check_scored("score", probabilities, labels, classes);
  const auto k = static_cast<size_t>(classes);
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
  m.per_class_error = (1 - m.accuracy) / static_cast<double>(k);
  m.instability = instability(probabilities, labels, k);
  return m;
}

}  // namespace mellow
