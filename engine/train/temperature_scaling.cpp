// SPDX-License-Identifier: MIT
#include "mellow/engine/train/temperature_scaling.h"

#include <algorithm>
#include <cmath>

#include "mellow/engine/core/error.h"
#include "mellow/engine/train/metrics.h"

namespace mellow {
namespace {

struct Slope {
  double first = 0, second = 0;
};

// Derivatives of the summed NLL Σ_i logsumexp(b z_i) − b z_iy with respect to b = 1/T: Σ E_p[z] − z_y and
// Σ Var_p[z] ≥ 0, which makes it convex. Each row counts from its largest logit: nothing overflows.
Slope slope_at(double b, std::span<const double> logits, std::span<const int32_t> labels, size_t k) {
  Slope sum;
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto row = logits.subspan(i * k, k);
    const double largest = *std::max_element(row.begin(), row.end());
    double total = 0, mean = 0, square = 0;
    for (const double z : row) {
      const double gap = z - largest, weight = std::exp(b * gap);
      total += weight;
      mean += weight * gap;
      square += weight * gap * gap;
    }
    mean /= total;
    sum.first += mean - (row[static_cast<size_t>(labels[i])] - largest);
    sum.second += square / total - mean * mean;
  }
  return sum;
}

void check_input(std::span<const double> logits, std::span<const int32_t> labels, int64_t classes,
                 TemperatureBounds bounds) {
  MELLOW_CHECK(bounds.low > 0 && bounds.low <= bounds.high && std::isfinite(bounds.high),
               "[fit_temperature] bounds must be 0 < low <= high, got ", bounds.low, " and ", bounds.high);
  check_scored("fit_temperature", logits, labels, classes);
  for (const double z : logits)
    MELLOW_CHECK(std::isfinite(z), "[fit_temperature] logits must be finite, got ", z);
}

bool has_contrast(std::span<const double> logits, size_t k) {
  for (size_t i = 0; i < logits.size(); ++i)
    if (logits[i] != logits[i - i % k]) return true;
  return false;
}

}  // namespace

double fit_temperature(std::span<const double> logits, std::span<const int32_t> labels, int64_t classes,
                       TemperatureBounds bounds) {
  check_input(logits, labels, classes, bounds);
  const auto k = static_cast<size_t>(classes);
  if (!has_contrast(logits, k)) return std::clamp(1.0, bounds.low, bounds.high);
  if (slope_at(1 / bounds.low, logits, labels, k).first <= 0) return bounds.low;
  if (slope_at(1 / bounds.high, logits, labels, k).first >= 0) return bounds.high;
  // The slope changes its sign once between the bounds: Newton on log T, halving where it would leave the
  // bracket.
  double low = std::log(bounds.low), high = std::log(bounds.high);
  double at = std::clamp(0.0, low, high);
  for (int round = 0; round < 200 && high - low > 1e-13; ++round) {
    const double b = std::exp(-at);
    const Slope slope = slope_at(b, logits, labels, k);
    if (slope.first == 0) break;
    (slope.first > 0 ? low : high) = at;  // falling in T: the optimum is at a higher T
    const double step = slope.first / (slope.second * b);
    double next = at + step;
    if (!(next > low && next < high)) next = 0.5 * (low + high);
    const bool settled = std::abs(next - at) <= 1e-14;
    at = next;
    if (settled) break;
  }
  return std::exp(at);
}

}  // namespace mellow
