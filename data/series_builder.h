// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "mellow/data/labels.h"
#include "mellow/data/readers.h"
#include "mellow/data/scanner.h"
#include "mellow/data/series.h"

namespace mellow {

// What the format readers fill: one series after the other, then finish().
// Memory stays below 64 MiB + 4 times the file for any input: a value takes at least two bytes of text and
// four here, and padding unequal series is refused where it would take more.
class SeriesBuilder {
 public:
  SeriesBuilder(Scanner& scanner, const ReadOptions& options);

  void add(float value) { values_.push_back(value); }
  void add_label(std::string_view label);
  // Values added since the last series are [channels, n] and make one series. All series have the same
  // channels.
  void end_series(int64_t channels);
  // Values added since the last series.
  int64_t pending() const { return static_cast<int64_t>(values_.size() - done_); }
  int64_t series() const { return static_cast<int64_t>(lengths_.size()); }

  // The set; `length` is the length to pad to (0: the longest). Rows of different size need Tails::padding.
  SeriesSet finish(Tails tails, int64_t length);

 private:
  std::vector<float> padded(int64_t length) const;
  static void find_lengths(SeriesSet& set, Tails tails);

  Scanner& scanner_;
  LabelTable labels_;
  std::vector<float> values_;     // series after series, each [n, channels]
  std::vector<int32_t> lengths_;  // n of each series
  std::vector<float> scratch_;
  size_t done_ = 0;
  int64_t channels_ = 0;
  bool labelled_ = false;
};

}  // namespace mellow
