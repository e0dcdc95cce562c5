// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mellow {

// One line of a CSV file as RFC 4180 quotes it, ended by '\n' alone. Numbers are the shortest text that
// reads back as the same value, whatever the locale: 0.1, 1e-05, nan, inf.
class CsvRow {
 public:
  CsvRow& add(std::string_view field);  // "" leaves the field empty
  CsvRow& add(const char* field) { return add(std::string_view(field)); }
  CsvRow& add(double value);
  CsvRow& add(float value);
  template <std::integral T>
  CsvRow& add(T value) {
    return add_plain(std::to_string(value));
  }
  // Without the end of line.
  const std::string& text() const { return text_; }

 private:
  CsvRow& add_plain(std::string_view field);

  std::string text_;
  bool first_ = true;
};

// A file of our own, read strictly: names in the first line, then rows of as many fields.
struct CsvTable {
  std::string where;  // for messages
  std::vector<std::string> names;
  std::vector<std::vector<std::string>> rows;

  size_t column(std::string_view name) const;      // throws ErrorKind::input, listing the names there are
  double number(size_t row, size_t column) const;  // throws ErrorKind::input, naming row and column
};

// Throws ErrorKind::input with the line: stray or open quotes, a row of another width, a name twice,
// a last line without its end (a torn write).
CsvTable parse_csv(std::string_view text, const std::string& where);

}  // namespace mellow
