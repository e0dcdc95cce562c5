// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "mellow/data/readers.h"
#include "mellow/data/series.h"

// Datasets by folder and name, as the UCR and UEA archives lay them out.
namespace mellow {

// Folder of the UCR archive with rectangular copies of its 15 sets with missing values or unequal lengths.
inline constexpr const char* adjusted_folder = "Missing_value_and_variable_length_datasets_adjusted";

// Whether these copies are read in the place of the sets that have one.
enum class AdjustedCopies { ignored, preferred };

struct DatasetFiles {
  std::string name, train, test;
  bool adjusted = false;  // the files come from the adjusted folder
};

// Looks for NAME/NAME_TRAIN.{tsv,ts,arff,txt,csv} (and without ending), then for NAME_TRAIN.* in `folder`
// itself, and for the _TEST file beside it. With AdjustedCopies::preferred the adjusted folder inside
// `folder` is tried first. Throws ErrorKind::input: which folder, what was tried, the datasets with the
// nearest names.
DatasetFiles find_dataset(const std::string& folder, const std::string& name,
                          AdjustedCopies copies = AdjustedCopies::ignored);

// Every dataset find_dataset would find in `folder`, sorted by name.
std::vector<DatasetFiles> list_datasets(const std::string& folder);

struct SplitPair {
  SeriesSet train, test;
  bool adjusted = false;
  Tails tails = Tails::padding;  // tails_of(train)
};

// What NaN at the end of a series means where `train` is the training split: missing where values are missing
// in it, else padding. Never asked of other series: what becomes of one must not depend on those beside it.
Tails tails_of(const SeriesSet& train);

// Reads both splits by the rules of the training split: its classes (a label unseen in training is an error),
// its meaning of NaN at the end of a series. Channels must be equal, lengths too unless a split has series of
// unequal length: then both are padded with NaN to the longer of the two.
SplitPair read_splits(const std::string& train_path, const std::string& test_path);
SplitPair read_dataset(const std::string& folder, const std::string& name,
                       AdjustedCopies copies = AdjustedCopies::ignored);

// Lengthens every series with NaN to `length` time steps. Throws when the set is longer.
void pad_with_nan(SeriesSet& set, int64_t length);

}  // namespace mellow
