// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

// What the ILS synthetic study measures (docs/ils-synthetic.md).
namespace mellow::tools {

// The methods in the table's order; "+t": temperature scaled on the validation set.
inline constexpr std::array<std::string_view, 19> study_methods = {
    "bayes",  "no-ls", "no-ls+t", "ls",  "ls+t",  "ls-0.2",     "ls-0.2+t",   "ls-dense", "ls-sparse", "ils1",
    "ils1+t", "ils2",  "ils2+t",  "ils", "ils+t", "self-bayes", "self-no-ls", "self-ls",  "self-ils"};

// On the test set, but for validation_ce. Those from `temperature` on describe the network that was chosen.
enum Quantity : size_t {
  accuracy,
  dense,   // accuracy over the points of the dense components
  sparse,  // likewise
  ce,
  ece,
  cwece,
  cwece_cc,
  validation_ce,
  temperature,
  epsilon,
  p1,
  p2,
  teacher_temperature,
  quantity_count
};
inline constexpr std::array<std::string_view, quantity_count> quantity_names = {
    "accuracy",           "dense",         "sparse",      "ce",      "ece", "cwece",
    "cwece_cc",           "validation_ce", "temperature", "epsilon", "p1",  "p2",
    "teacher_temperature"};

using Scores = std::array<double, quantity_count>;  // NaN where a method has no such quantity

// The smoothing factors of the grid, and 0.2 for the best-curve study.
inline constexpr std::array smoothing_grid = {.001, .005, .01, .03, .05, .07, .09,
                                              .11,  .13,  .15, .17, .19, .2};
inline constexpr size_t tuned_factors = smoothing_grid.size() - 1;

// One bin of the best-curve study: points whose true class gets a probability of (bin, bin + 1] · 0.016 above
// 0.2 from the Bayes-optimal classifier.
struct CurveBin {
  double count = 0, teacher = 0;  // points; sum of the classifier's p_y
  // Sums of p_y of the networks trained with each factor.
  std::array<double, smoothing_grid.size()> student{};
};
inline constexpr size_t curve_bins = 50;
inline constexpr double curve_low = 0.2, curve_high = 1;
using Curve = std::array<CurveBin, curve_bins>;
// The paper does not say which points its curve is over.
inline constexpr std::array<std::string_view, 2> curve_points = {"train", "test"};

struct ReplicateResult {
  std::array<Scores, study_methods.size()> scores;
  std::array<Curve, curve_points.size()> curves{};
  double trainings = 0, epochs = 0;
};

}  // namespace mellow::tools
