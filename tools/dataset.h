// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "mellow/data/prepare.h"
#include "mellow/data/readers.h"
#include "mellow/data/series.h"
#include "mellow/engine/train/labelled_set.h"
#include "mellow/tools/options.h"

namespace mellow::tools {

// A dataset ready to train on.
struct TrainingData {
  std::string name;
  bool adjusted = false;              // read from the archive's folder of rectangular copies
  SeriesSet train, validation, test;  // the classifier's input; validation is empty when none is held out
  SeriesSet stored;                   // the training series as they stand in the file, for the encoder
  SeriesSet stored_test;              // likewise the test series, only when asked for
  std::vector<int64_t> positions;     // of the training series in their file
  PrepareReport prepared;             // of the training series
  Tails tails = Tails::padding;       // what NaN at the end of a series means
  std::string train_hash, test_hash;  // of the contents, before preparation
};

// `holdout` is the share of each class kept for validation, 0 for none. Names what was done in progress.
TrainingData open_training_data(const DataOptions& options, double holdout, uint64_t seed, Progress& progress,
                                bool keep_stored_test = false);

// "none" → 0, "holdout:0.2" → 0.2; throws for anything else.
double parse_holdout(const std::string& text);

std::string hash_of(const SeriesSet& set);

// [series, length, channels] on the device.
Tensor to_device(Context& context, const SeriesSet& set);
LabelledSet labelled_set(Context& context, const SeriesSet& set);

}  // namespace mellow::tools
