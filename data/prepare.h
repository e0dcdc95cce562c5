// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mellow/data/series.h"

// From series as they stand in the file to the input of a classifier or encoder. Statistics are float64.
namespace mellow {

// What was done to a set.
struct PrepareReport {
  int64_t filled = 0;    // missing values interpolated or held
  int64_t empty = 0;     // series (of one channel) without any value, now zero
  int64_t constant = 0;  // series (of one channel) with standard deviation 0, divided by 1
  int64_t padded = 0;    // series lengthened with zeros
};

// Missing values inside a series: linear interpolation; before the first and after the last value of the
// valid steps: that value. A channel without any value becomes zero. Padding stays NaN.
void fill_missing(SeriesSet& set, PrepareReport& report);

// x := (x - mean) / std of each series and channel over its valid steps; population std, 0 counts as 1
// (the rule of dl-4-tsc). Needs: no missing values.
void z_normalise(SeriesSet& set, PrepareReport& report);

// NaN after the valid steps becomes 0.
void pad_with_zeros(SeriesSet& set, PrepareReport& report);

// The classifier input: the three steps above in this order. Every value is finite afterwards.
PrepareReport prepare_for_classifier(SeriesSet& set);

// TS2Vec's own normalisation: x := (x - mean) / std with one scalar pair of the training split.
struct SeriesScale {
  double mean = 0, std = 1;
};
// True for the UCR sets that are stored raw and that TS2Vec therefore standardises (34 of 128).
bool is_stored_raw(std::string_view ucr_name);
// Mean and population std of all values that are there (NaN left out); std 0 counts as 1.
SeriesScale nan_scale(const SeriesSet& train);
// NaN stays NaN.
void apply_scale(SeriesSet& set, SeriesScale scale);

// True when some series has no value at its first or at its last step: TS2Vec then centres all series.
bool needs_centring(const SeriesSet& set);
// Rotates every series right by floor((prefix + suffix) / 2) - prefix steps, prefix and suffix being its
// leading and trailing steps without any value. The valid length of every series is `length` afterwards.
void centre(SeriesSet& set);

// TS2Vec's rule for long series: when `longest` goes into the length n ≥ 2 times, every series is cut into n
// parts of nearly equal length, the longer ones first; shorter ones end with NaN. All first parts come first.
// Labels are repeated.
SeriesSet cut_long(const SeriesSet& set, int64_t longest);
// Without the series that have no value at all.
SeriesSet without_empty(const SeriesSet& set);
// What TS2Vec is trained on: cut at its 3000 steps, centred where needed, without empty series.
SeriesSet for_pretraining(const SeriesSet& stored);

// Throws ErrorKind::input when the set cannot be trained on: fewer than two classes, no series, not finite.
void check_trainable(const SeriesSet& set);

// Positions of the series of both parts, ascending.
struct Holdout {
  std::vector<int64_t> kept, held_out;
};
// Holds out round(fraction * n) series of each class, at least one, and keeps at least one; 0 < fraction < 1.
// Drawn with RandomStream::split: the same seed gives the same parts. Throws when a class has a single
// series.
Holdout stratified_holdout(const SeriesSet& set, double fraction, uint64_t seed);

// The series at `positions`, with the classes of `set`.
SeriesSet select(const SeriesSet& set, const std::vector<int64_t>& positions);

}  // namespace mellow
