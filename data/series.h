// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace mellow {

// Labelled or unlabelled series as they stand in a file. A value that is not there is a quiet NaN.
struct SeriesSet {
  std::string name;  // file name without ending and without _TRAIN or _TEST
  int64_t series = 0, length = 0, channels = 0;
  std::vector<float> values;             // [series, length, channels]
  std::vector<int32_t> lengths;          // [series] valid time steps, <= length; NaN from there on
  std::vector<int32_t> labels;           // [series] index into class_names; empty when the file has no labels
  std::vector<std::string> class_names;  // sorted by value when all are numbers ("1.0" is "1"), else by bytes
  int64_t missing = 0;                   // NaN values inside the valid steps
  bool unequal = false;                  // some series has fewer valid steps than `length`

  bool labelled() const { return !labels.empty(); }
  int64_t row_size() const { return length * channels; }
  // Series i, [length, channels]; the set owns the memory.
  std::span<float> row(int64_t i) {
    return {values.data() + i * row_size(), static_cast<size_t>(row_size())};
  }
  std::span<const float> row(int64_t i) const {
    return {values.data() + i * row_size(), static_cast<size_t>(row_size())};
  }
};

// Throws ErrorKind::input unless sizes, lengths and labels fit each other as the comments above say. What the
// readers give fits; this is for sets made by hand, and whoever takes a set calls it.
void check_consistent(const SeriesSet& set);

}  // namespace mellow
