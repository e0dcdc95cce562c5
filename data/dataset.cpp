// SPDX-License-Identifier: MIT
#include "mellow/data/dataset.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>

#include "mellow/data/readers.h"
#include "mellow/engine/core/edit_distance.h"
#include "mellow/engine/core/error.h"

namespace mellow {

namespace fs = std::filesystem;

namespace {

constexpr std::array<const char*, 6> endings = {".tsv", ".ts", ".arff", ".txt", ".csv", ""};

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// <stem>_TRAIN<ending> and <stem>_TEST<ending> for the first ending that has a training file.
std::optional<DatasetFiles> find_pair(const fs::path& folder, const std::string& name) {
  for (const char* ending : endings) {
    const fs::path train = folder / (name + "_TRAIN" + ending);
    if (!is_file(train)) continue;
    const fs::path test = folder / (name + "_TEST" + ending);
    if (!is_file(test))
      throw Error(text("[data] ", train.string(), " is there, but its test split ", test.string(), " is not"),
                  ErrorKind::input);
    return DatasetFiles{name, train.string(), test.string(), false};
  }
  return std::nullopt;
}

std::string nearest_names(const std::string& folder, const std::string& name) {
  constexpr size_t shown = 3;
  std::vector<std::string> names;
  for (const auto& entry : list_datasets(folder)) names.push_back(entry.name);
  if (names.empty()) return "; the folder holds no dataset";
  std::string out = "; nearest of the " + std::to_string(names.size()) + " datasets there: ";
  const auto close = nearest(names, name, shown);
  for (size_t i = 0; i < close.size(); ++i) out += (i ? ", " : "") + close[i];
  return out;
}

}  // namespace

DatasetFiles find_dataset(const std::string& folder, const std::string& name, AdjustedCopies copies) {
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored))
    throw Error(text("[data] the data folder ", folder, " does not exist or is not a folder"),
                ErrorKind::input);
  if (name.empty() || name.find('/') != std::string::npos || name == "." || name == "..")
    throw Error(
        text("[data] a dataset name has no slash, got \"", name, "\": give the folder apart from the name"));
  if (copies == AdjustedCopies::preferred)
    if (auto found = find_pair(fs::path(folder) / adjusted_folder / name, name)) {
      found->adjusted = true;
      return *found;
    }
  if (auto found = find_pair(fs::path(folder) / name, name)) return *found;
  if (auto found = find_pair(folder, name)) return *found;
  throw Error(
      text("[data] no dataset ", name, " in ", folder, ": tried ", name, "/", name, "_TRAIN and ", name,
           "_TRAIN with .tsv, .ts, .arff, .txt, .csv and no ending", nearest_names(folder, name)),
      ErrorKind::input);
}

std::vector<DatasetFiles> list_datasets(const std::string& folder) {
  std::error_code error;
  std::map<std::string, DatasetFiles> found;
  const auto add = [&](const fs::path& place, const std::string& name) {
    for (const char* ending : endings) {
      const fs::path train = place / (name + "_TRAIN" + ending), test = place / (name + "_TEST" + ending);
      if (is_file(train) && is_file(test)) {
        found.try_emplace(name, DatasetFiles{name, train.string(), test.string(), false});
        return;
      }
    }
  };
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.is_directory(error)) {
      add(entry.path(), entry.path().filename().string());
    } else if (const std::string stem = entry.path().stem().string(); stem.ends_with("_TRAIN")) {
      add(folder, dataset_name(stem));
    }
  }
  if (error) throw Error(text("[data] cannot list ", folder, ": ", error.message()), ErrorKind::input);
  std::vector<DatasetFiles> sorted;
  for (auto& [name, files] : found) sorted.push_back(std::move(files));
  return sorted;
}

void pad_with_nan(SeriesSet& set, int64_t length) {
  check_consistent(set);
  MELLOW_CHECK(length >= set.length, "[data] ", set.name, ": cannot pad series of length ", set.length,
               " to ", length);
  if (length == set.length) return;
  int64_t count = 0;
  MELLOW_CHECK(!__builtin_mul_overflow(set.series, length, &count) &&
                   !__builtin_mul_overflow(count, set.channels, &count),
               "[data] ", set.name, ": ", set.series, " series of ", length,
               " time steps are too many values");
  std::vector<float> wide(static_cast<size_t>(count), std::numeric_limits<float>::quiet_NaN());
  for (int64_t i = 0; i < set.series; ++i)
    std::copy_n(set.row(i).begin(), set.row_size(), wide.begin() + i * length * set.channels);
  set.values = std::move(wide);
  set.length = length;
  set.unequal = true;
}

Tails tails_of(const SeriesSet& train) {
  return train.missing > 0 && !train.unequal ? Tails::missing : Tails::padding;
}

SplitPair read_splits(const std::string& train_path, const std::string& test_path) {
  SplitPair pair;
  pair.train = read_series(train_path);
  const SeriesSet& train = pair.train;
  if (!train.labelled())
    throw Error(text("[data] ", train_path, ": training needs class labels, the file has none"),
                ErrorKind::input);
  pair.tails = tails_of(train);
  pair.test = read_series(test_path, {.classes = &train.class_names, .tails = pair.tails});
  SeriesSet& test = pair.test;
  if (!test.labelled())
    throw Error(text("[data] ", test_path, ": testing needs class labels, the file has none"),
                ErrorKind::input);
  if (train.channels != test.channels)
    throw Error(text("[data] ", train_path, " has ", train.channels, " channels, but ", test_path, " has ",
                     test.channels),
                ErrorKind::input);
  if (train.length != test.length) {
    if (!train.unequal && !test.unequal)
      throw Error(text("[data] the series of ", train_path, " have ", train.length, " time steps, those of ",
                       test_path, " have ", test.length),
                  ErrorKind::input);
    // The readers bound padding within a file; the same bound must hold across the two.
    const int64_t longest = std::max(train.length, test.length);
    constexpr int64_t free_values = int64_t{16} << 20;
    const auto held = static_cast<int64_t>(train.values.size() + test.values.size());
    int64_t needed = 0;
    if (__builtin_mul_overflow(train.series + test.series, longest, &needed) ||
        __builtin_mul_overflow(needed, train.channels, &needed) || needed > free_values + 4 * held)
      throw Error(text("[data] padding all series to the longest, ", longest, " time steps, takes ", needed,
                       " values: the lengths in ", train_path, " (up to ", train.length, ") and ", test_path,
                       " (up to ", test.length, ") are too different"),
                  ErrorKind::input);
    pad_with_nan(pair.train, longest);
    pad_with_nan(test, longest);
  }
  return pair;
}

SplitPair read_dataset(const std::string& folder, const std::string& name, AdjustedCopies copies) {
  const DatasetFiles files = find_dataset(folder, name, copies);
  SplitPair pair = read_splits(files.train, files.test);
  pair.adjusted = files.adjusted;
  return pair;
}

}  // namespace mellow
