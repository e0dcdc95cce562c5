// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "mellow/data/scanner.h"

namespace mellow {

// The number a label stands for, or nothing: "1", "1.0" and "1.0000000e+00" are all 1.
std::optional<double> label_number(std::string_view label);

// How a numeric label is written: whole numbers without a point, others in the shortest form.
std::string label_text(double number);

// Finds a label in a list of class names: by its text, or by its number when all names are numbers.
class LabelIndex {
 public:
  explicit LabelIndex(const std::vector<std::string>& names);
  // Position in the list, or -1.
  int32_t find(std::string_view label) const;

 private:
  std::unordered_map<std::string, int32_t> by_text_;
  std::unordered_map<double, int32_t> by_number_;  // empty unless every name is a number
};

// Collects the labels of a file, row by row, and turns them into class indices.
class LabelTable {
 public:
  // More classes than this is taken for a broken file, which bounds the memory of the table.
  static constexpr size_t most_classes = 65536;

  // known: the class names to use (of the training file), or null to build them. Must outlive the table.
  explicit LabelTable(const std::vector<std::string>* known);
  // Adds a label that stands at `label` in the scanner's text. Refuses what is not a usable class name.
  void add(const Scanner& scanner, std::string_view label);
  void reserve(size_t rows) { rows_.reserve(rows); }

  struct Classes {
    std::vector<int32_t> labels;
    std::vector<std::string> names;
  };
  // Class indices by the sorted unique labels: by value when all are numbers, by bytes otherwise.
  Classes finish() &&;

 private:
  int32_t add_new(const Scanner& scanner, std::string_view label);

  const std::vector<std::string>* known_;
  std::optional<LabelIndex> known_index_;
  // Text as written -> id in order of appearance, or index among the known names.
  std::unordered_map<std::string, int32_t> ids_;
  std::vector<int32_t> rows_;
};

}  // namespace mellow
