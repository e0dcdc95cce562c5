// SPDX-License-Identifier: MIT
#include "mellow/tools/estimate/cost_model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "mellow/engine/core/error.h"

namespace mellow::tools {
namespace {

constexpr size_t most_kinds = 8;  // the fit tries every subset

// Rows of the least-squares problem X c ≈ 1: counts by seconds, so that errors are relative; columns are then
// scaled to length one.
struct Problem {
  std::vector<Counts> rows;
  Counts scales;
};

Problem problem_of(const std::vector<Measurement>& measurements) {
  const size_t kinds = measurements[0].counts.size();
  Problem p{{}, Counts(kinds)};
  for (const Measurement& m : measurements) {
    p.rows.push_back(m.counts);
    for (size_t k = 0; k < kinds; ++k) {
      p.rows.back()[k] /= m.seconds;
      p.scales[k] += p.rows.back()[k] * p.rows.back()[k];
    }
  }
  for (double& scale : p.scales) scale = scale > 0 ? std::sqrt(scale) : 1;
  for (Counts& row : p.rows)
    for (size_t k = 0; k < kinds; ++k) row[k] /= p.scales[k];
  return p;
}

// Solves the normal equations of the columns in `used` by elimination with pivots; nothing when they are
// dependent.
std::optional<Counts> least_squares(const Problem& p, const std::vector<size_t>& used) {
  const size_t n = used.size();
  std::vector<Counts> a(n, Counts(n + 1));
  for (const Counts& row : p.rows)
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = 0; j < n; ++j) a[i][j] += row[used[i]] * row[used[j]];
      a[i][n] += row[used[i]];
    }
  for (size_t i = 0; i < n; ++i) {
    size_t pivot = i;
    for (size_t r = i + 1; r < n; ++r)
      if (std::abs(a[r][i]) > std::abs(a[pivot][i])) pivot = r;
    if (std::abs(a[pivot][i]) < 1e-10) return std::nullopt;
    std::swap(a[i], a[pivot]);
    for (size_t r = 0; r < n; ++r) {
      if (r == i) continue;
      const double factor = a[r][i] / a[i][i];
      for (size_t j = i; j <= n; ++j) a[r][j] -= factor * a[i][j];
    }
  }
  Counts costs(n);
  for (size_t i = 0; i < n; ++i) costs[i] = a[i][n] / a[i][i];
  return costs;
}

double squared_error(const Problem& p, const Counts& costs) {
  double sum = 0;
  for (const Counts& row : p.rows) {
    const double off = seconds_of(costs, row) - 1;
    sum += off * off;
  }
  return sum;
}

void check(const std::vector<Measurement>& measurements) {
  MELLOW_CHECK(!measurements.empty(), "[fit_costs] there are no measurements");
  const size_t kinds = measurements[0].counts.size();
  MELLOW_CHECK(kinds >= 1 && kinds <= most_kinds, "[fit_costs] takes 1 to ", most_kinds,
               " kinds of work, got ", kinds);
  for (const Measurement& m : measurements) {
    MELLOW_CHECK(m.counts.size() == kinds, "[fit_costs] measurements must have the same kinds of work, got ",
                 m.counts.size(), " and ", kinds);
    MELLOW_CHECK(m.seconds > 0 && std::isfinite(m.seconds), "[fit_costs] seconds must be positive, got ",
                 m.seconds);
  }
}

}  // namespace

// The best costs without negative ones are the plain least-squares costs of some subset of the kinds, the
// others being 0: with so few kinds all subsets are tried.
Counts fit_costs(const std::vector<Measurement>& measurements) {
  check(measurements);
  const Problem p = problem_of(measurements);
  const size_t kinds = p.scales.size();
  Counts best(kinds);
  double least = std::numeric_limits<double>::infinity();
  for (size_t subset = 1; subset < size_t{1} << kinds; ++subset) {
    std::vector<size_t> used;
    for (size_t k = 0; k < kinds; ++k)
      if ((subset >> k & 1) != 0) used.push_back(k);
    const auto solved = least_squares(p, used);
    if (!solved || std::any_of(solved->begin(), solved->end(), [](double c) { return c < 0; })) continue;
    Counts costs(kinds);
    for (size_t i = 0; i < used.size(); ++i) costs[used[i]] = (*solved)[i];
    const double error = squared_error(p, costs);
    if (error >= least) continue;
    least = error;
    best = costs;
  }
  for (size_t k = 0; k < kinds; ++k) best[k] /= p.scales[k];
  return best;
}

double seconds_of(const Counts& costs, const Counts& counts) {
  return std::inner_product(costs.begin(), costs.end(), counts.begin(), 0.0);
}

double largest_error(const Counts& costs, const std::vector<Measurement>& measurements) {
  double largest = 0;
  for (const Measurement& m : measurements)
    largest = std::max(largest, std::abs(seconds_of(costs, m.counts) / m.seconds - 1));
  return largest;
}

}  // namespace mellow::tools
