// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "mellow/data/dataset.h"
#include "mellow/data/series.h"

// Simulated datasets. Same seed, same bytes; the two splits are independent. Series of one class follow each
// other in turn (0, 1, ..., K-1, 0, ...), so classes are balanced. Values are raw: the archive's copies are
// z-normalised.
namespace mellow {

// Cylinder, bell, funnel (classes 1, 2, 3; Saito, "Local feature extraction and its applications using a
// library of bases", PhD thesis, Yale, 1994): with a ~ U{16..32}, b - a ~ U{32..96}, eta and e(t) ~ N(0, 1),
// t = 1..128,
//   c(t) = (6 + eta) [a <= t <= b] + e(t);  bell: times (t - a) / (b - a);  funnel: times (b - t) / (b - a).
// Sizes of the archive: 30 / 900 series of length 128.
SplitPair generate_cbf(uint64_t seed);

// Two patterns (classes 1 down-down, 2 up-down, 3 down-up, 4 up-up; Geurts, "Contributions to decision tree
// induction", PhD thesis, Liege, 2002): two step patterns in N(0, 1) noise. An up step is -5 in its first
// half and 5 in its second, a down step the opposite. Lengths and places are the choice made here, the
// thesis' were not at hand: length ~ U{16..40} each, place uniform in the first and second half of the
// series. Sizes of the archive: 1000 / 4000 series of length 128.
SplitPair generate_two_patterns(uint64_t seed);

// Synthetic control charts (Alcock & Manolopoulos, "Time-series similarity queries employing a feature-based
// approach", 1999): with t = 1..60, m = 30, r ~ U(-3, 3), s = 2,
//   1 normal m + r s; 2 cyclic + a sin(2 pi t / T), a, T ~ U(10, 15); 3, 4 trend +- g t, g ~ U(0.2, 0.5);
//   5, 6 shift +- x from step t3 on, x ~ U(7.5, 20), t3 ~ U(20, 40).
// Sizes of the archive: 300 / 300 series.
SplitPair generate_synthetic_control(uint64_t seed);

// The three-class Gaussian mixture of the instance-based label smoothing study (two features, each
// class 80 % dense and 20 % sparse component, unit covariance). Series have one channel and two time steps:
// the two features.
struct Mixture {
  SeriesSet set;
  std::vector<uint8_t> sparse;  // [series] 1 where the sparse component was drawn
};
// per_class instances of each class; `part` tells training, validation and test draws of one seed apart.
Mixture generate_mixture(uint64_t seed, uint32_t part, int64_t per_class);
// What the best possible classifier says: p(class | x) for rows x [rows, 2] of the mixture, [rows, 3].
std::vector<double> mixture_posterior(std::span<const float> x);

// By name: "cbf", "two-patterns", "synthetic-control". Throws with the known names.
SplitPair generate(std::string_view name, uint64_t seed);

}  // namespace mellow
