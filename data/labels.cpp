// SPDX-License-Identifier: MIT
#include "mellow/data/labels.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <numeric>

#include "mellow/engine/core/error.h"
#include "mellow/engine/core/parse_number.h"

namespace mellow {

namespace {

// Printable and well-formed UTF-8, so that a class name can go into any report.
bool is_clean_utf8(std::string_view s) {
  for (size_t i = 0; i < s.size();) {
    const auto lead = static_cast<unsigned char>(s[i]);
    if (lead < 0x20 || lead == 0x7f) return false;
    const size_t bytes = lead < 0x80                   ? 1
                         : lead >= 0xc2 && lead < 0xe0 ? 2
                         : lead >= 0xe0 && lead < 0xf0 ? 3
                         : lead >= 0xf0 && lead < 0xf5 ? 4
                                                       : 0;
    if (bytes == 0 || i + bytes > s.size()) return false;
    for (size_t k = 1; k < bytes; ++k)
      if ((static_cast<unsigned char>(s[i + k]) & 0xc0) != 0x80) return false;
    if (bytes == 3) {
      const auto second = static_cast<unsigned char>(s[i + 1]);
      if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second >= 0xa0)) return false;
    }
    if (bytes == 4) {
      const auto second = static_cast<unsigned char>(s[i + 1]);
      if ((lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second >= 0x90)) return false;
    }
    i += bytes;
  }
  return true;
}

std::string few_names(const std::vector<std::string>& names) {
  constexpr size_t shown = 8;
  std::string out;
  for (size_t i = 0; i < std::min(shown, names.size()); ++i) out += (i ? ", " : "") + names[i];
  return names.size() > shown ? out + ", ..." : out;
}

}  // namespace

std::optional<double> label_number(std::string_view label) {
  if (label.starts_with('+')) label.remove_prefix(1);
  const auto number = parse_number<double>(label);
  return number && std::isfinite(*number) ? number : std::nullopt;
}

std::string label_text(double number) {
  constexpr double exact_integers = 9007199254740992.0;  // 2^53
  if (number == std::trunc(number) && std::abs(number) < exact_integers)
    return std::to_string(static_cast<int64_t>(number));
  char buffer[32];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, number).ptr};
}

LabelIndex::LabelIndex(const std::vector<std::string>& names) {
  bool all_numbers = true;
  for (size_t i = 0; i < names.size(); ++i) {
    by_text_.emplace(names[i], static_cast<int32_t>(i));
    const auto number = label_number(names[i]);
    all_numbers = all_numbers && number.has_value();
    if (number) by_number_.emplace(*number, static_cast<int32_t>(i));
  }
  if (!all_numbers) by_number_.clear();
}

int32_t LabelIndex::find(std::string_view label) const {
  if (const auto found = by_text_.find(std::string(label)); found != by_text_.end()) return found->second;
  if (by_number_.empty()) return -1;
  const auto number = label_number(label);
  const auto found = number ? by_number_.find(*number) : by_number_.end();
  return found == by_number_.end() ? -1 : found->second;
}

LabelTable::LabelTable(const std::vector<std::string>* known) : known_(known) {
  if (known) known_index_.emplace(*known);
}

void LabelTable::add(const Scanner& scanner, std::string_view label) {
  const auto found = ids_.find(std::string(label));
  rows_.push_back(found == ids_.end() ? add_new(scanner, label) : found->second);
}

int32_t LabelTable::add_new(const Scanner& scanner, std::string_view label) {
  const char* place = label.data();
  if (label.empty() || label == "?" || equal_ignoring_case(label, "nan"))
    scanner.fail_found(place, "a class label", label.empty() ? "nothing" : quoted(label),
                       "every series needs a label; for a file without labels say so when reading it");
  if (!is_clean_utf8(label)) scanner.fail_found(place, "a class label in printable UTF-8", quoted(label));
  if (ids_.size() >= most_classes)
    scanner.fail_found(place, text("at most ", most_classes, " classes"),
                       text("another one, ", quoted(label)), "is the first column the label?");
  int32_t id = static_cast<int32_t>(ids_.size());
  if (known_) {
    id = known_index_->find(label);
    if (id < 0)
      scanner.fail_found(place,
                         text("one of the ", known_->size(), " known classes (", few_names(*known_), ")"),
                         quoted(label), "a class must occur in the training file");
  }
  ids_.emplace(label, id);
  return id;
}

LabelTable::Classes LabelTable::finish() && {
  if (known_) return {std::move(rows_), *known_};
  std::vector<std::string> texts(ids_.size());
  std::vector<double> numbers;
  for (const auto& [label, id] : ids_) texts[static_cast<size_t>(id)] = label;
  for (const auto& label : texts)
    if (const auto number = label_number(label)) numbers.push_back(*number);
  std::vector<int32_t> class_of(texts.size());
  Classes out;
  const auto assign = [&](const auto& keys, auto name_of) {
    std::map<typename std::decay_t<decltype(keys)>::value_type, int32_t> sorted;
    for (const auto& key : keys) sorted.emplace(key, 0);
    for (auto& [key, index] : sorted) {
      index = static_cast<int32_t>(out.names.size());
      out.names.push_back(name_of(key));
    }
    for (size_t i = 0; i < keys.size(); ++i) class_of[i] = sorted.at(keys[i]);
  };
  if (numbers.size() == texts.size()) {
    assign(numbers, label_text);
  } else {
    assign(texts, [](const std::string& label) { return label; });
  }
  for (int32_t& row : rows_) row = class_of[static_cast<size_t>(row)];
  out.labels = std::move(rows_);
  return out;
}

}  // namespace mellow
