// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>

#include "mellow/data/parse_float.h"

namespace mellow {

// Walks over the text of a data file and knows the line and column for error messages.
class Scanner {
 public:
  // Both views must outlive the scanner. Refuses NUL bytes and UTF-16, steps over a UTF-8 byte order mark.
  Scanner(std::string_view bytes, std::string_view file);

  bool done() const { return at == end; }
  bool at_line_end() const {
    return at == end || *at == '\n' || (*at == '\r' && at + 1 != end && at[1] == '\n');
  }
  void skip_spaces() {
    while (at != end && *at == ' ') ++at;
  }
  void skip_blanks() {
    while (at != end && (*at == ' ' || *at == '\t')) ++at;
  }
  // From at_line_end() to the first character of the next line.
  void next_line() {
    if (at == end) return;
    if (*at == '\r') ++at;
    ++at;
    ++line;
    line_start = at;
  }
  // One past the last character of this line, without the line end and blanks before it.
  const char* line_stop() const;
  // Accepts trailing blanks and the line end, refuses anything else.
  void finish_line(std::string_view expected);
  // Next number; NaN for "NaN" (any case) and "?". Refuses all else, also numbers float32 cannot hold.
  float value() {
    float v = 0;
    const char* after = parse_float(at, end, v);
    if (after == nullptr || v > std::numeric_limits<float>::max() || v < std::numeric_limits<float>::lowest())
      return unusual_value(after);
    at = after;
    return v;
  }
  // The characters up to a blank, the line end or one of `stops`.
  std::string_view word(std::string_view stops);

  // Throws "file:line:column: expected <expected>, found <what stands at the place> (<fix>)".
  [[noreturn]] void fail(std::string_view expected, std::string_view fix = {}) const {
    fail_at(at, expected, fix);
  }
  [[noreturn]] void fail_at(const char* place, std::string_view expected, std::string_view fix = {}) const;
  // The same with the finding in words.
  [[noreturn]] void fail_found(const char* place, std::string_view expected, std::string_view found,
                               std::string_view fix = {}) const;

  std::string_view file;
  const char* begin = nullptr;
  const char* at = nullptr;
  const char* end = nullptr;
  const char* line_start = nullptr;
  int64_t line = 1;
  bool saw_missing = false;

 private:
  float unusual_value(const char* after);
};

// Up to 32 bytes between double quotes, anything unprintable as \xNN.
std::string quoted(std::string_view text);

// Equal when upper and lower case letters count as the same (ASCII).
bool equal_ignoring_case(std::string_view a, std::string_view b);

}  // namespace mellow
