// SPDX-License-Identifier: MIT
#include "mellow/engine/io/csv.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>

#include "mellow/engine/core/error.h"
#include "mellow/engine/core/parse_number.h"

namespace mellow {
namespace {

template <class T>
std::string shortest(T value) {
  if (std::isnan(value)) return "nan";  // some come with a sign
  std::array<char, 32> digits;
  const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  return std::string(digits.data(), result.ptr);
}

// Reads one record after another; knows the line for messages.
class CsvParser {
 public:
  CsvParser(std::string_view text, const std::string& where) : text_(text), where_(where) {}
  bool at_end() const { return at_ == text_.size(); }

  std::vector<std::string> record() {
    std::vector<std::string> fields;
    for (;;) {
      fields.push_back(next('"') ? quoted() : plain());
      if (next(',')) continue;
      next('\r');
      if (next('\n')) break;
      check(!at_end(), "ends without an end of line: the last row may be incomplete");
      check(false, "has a character that may only stand inside quotes");
    }
    ++line_;
    return fields;
  }

  void check(bool condition, std::string_view problem) const {
    if (!condition) throw Error(text("[csv] ", where_, ", line ", line_, " ", problem), ErrorKind::input);
  }

 private:
  bool next(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  std::string plain() {
    const size_t end = std::min(text_.find_first_of(",\r\n\"", at_), text_.size());
    std::string field(text_.substr(at_, end - at_));
    at_ = end;
    return field;
  }
  std::string quoted() {
    std::string field;
    for (;;) {
      check(!at_end(), "opens a quote that is never closed");
      const char c = text_[at_++];
      if (c == '"' && !next('"')) return field;
      if (c == '\n') ++line_;
      field += c;
    }
  }

  std::string_view text_;
  const std::string& where_;
  size_t at_ = 0;
  size_t line_ = 1;
};

}  // namespace

CsvRow& CsvRow::add_plain(std::string_view field) {
  if (!first_) text_ += ',';
  first_ = false;
  text_ += field;
  return *this;
}

CsvRow& CsvRow::add(std::string_view field) {
  if (field.find_first_of(",\"\r\n") == std::string_view::npos) return add_plain(field);
  std::string quoted = "\"";
  for (const char c : field) quoted.append(c == '"' ? 2 : 1, c);
  return add_plain(quoted + '"');
}

CsvRow& CsvRow::add(double value) { return add_plain(shortest(value)); }
CsvRow& CsvRow::add(float value) { return add_plain(shortest(value)); }

size_t CsvTable::column(std::string_view name) const {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    std::string known;
    for (const std::string& n : names) known += (known.empty() ? "" : ", ") + n;
    throw Error(text("[csv] ", where, " has no column ", name, "; it has ", known), ErrorKind::input);
  }
  return static_cast<size_t>(found - names.begin());
}

double CsvTable::number(size_t row, size_t column) const {
  const std::string& field = rows.at(row).at(column);
  if (const auto value = parse_number<double>(field)) return *value;
  throw Error(text("[csv] ", where, ", row ", row + 1, ", column ", names.at(column), ": \"",
                   field.substr(0, 40), "\" is not a number"),
              ErrorKind::input);
}

CsvTable parse_csv(std::string_view text, const std::string& where) {
  CsvTable table{where, {}, {}};
  CsvParser parser(text, where);
  parser.check(!parser.at_end(), "is missing: the file is empty");
  table.names = parser.record();
  std::set<std::string_view> seen;
  for (const std::string& name : table.names)
    if (!seen.insert(name).second)
      throw Error(mellow::text("[csv] ", where, " names column ", name, " twice"), ErrorKind::input);
  while (!parser.at_end()) {
    table.rows.push_back(parser.record());
    if (table.rows.back().size() != table.names.size())
      throw Error(
          mellow::text("[csv] ", where, ", row ", table.rows.size(), " has ", table.rows.back().size(),
                       " fields, but there are ", table.names.size(), " columns"),
          ErrorKind::input);
  }
  return table;
}

}  // namespace mellow
