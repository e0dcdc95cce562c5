// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace mellow {

constexpr int calibration_bins = 15;

// The samples whose confidence lies in (low, high]; 0 belongs to the first bin.
struct ReliabilityBin {
  double low = 0, high = 0;
  int64_t count = 0;
  double confidence = 0, accuracy = 0;  // means over the bin's samples; 0 when it has none
};

// Binned confidences and hits (Guo et al., ICML 2017): 15 equal bins.
class Calibration {
 public:
  void add(double confidence, bool hit);
  // Expected calibration error: Σ_bins count / samples · |accuracy − confidence|; 0 without samples.
  double error() const;
  bool empty() const { return samples_ == 0; }
  std::vector<ReliabilityBin> bins() const;

 private:
  struct Sums {
    int64_t count = 0;
    double confidence = 0, hits = 0;
  };
  std::array<Sums, calibration_bins> sums_{};
  int64_t samples_ = 0;
};

// The top-1 reliability diagram of probabilities [samples, classes]: accuracy against the largest
// probability.
std::vector<ReliabilityBin> reliability(std::span<const double> probabilities,
                                        std::span<const int32_t> labels, int64_t classes);

}  // namespace mellow
