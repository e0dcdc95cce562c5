// SPDX-License-Identifier: MIT
#pragma once

#include <sstream>
#include <string>

namespace mellow::tools {

// Columns that help and lists keep to.
constexpr size_t text_width = 100;

// The words of `text` on lines of at most text_width columns. The first line goes after `first` columns that
// are printed already, the others are indented by `indent`. A longer word has a line for itself.
inline std::string wrapped(const std::string& text, size_t first, size_t indent) {
  std::istringstream words(text);
  std::string out;
  size_t column = first;
  bool fresh = true;  // nothing on this line yet
  for (std::string word; words >> word; fresh = false) {
    if (!fresh && column + 1 + word.size() > text_width) {
      out += '\n' + std::string(indent, ' ');
      column = indent;
      fresh = true;
    }
    out += (fresh ? "" : " ") + word;
    column += word.size() + (fresh ? 0 : 1);
  }
  return out;
}

}  // namespace mellow::tools
