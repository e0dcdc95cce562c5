// SPDX-License-Identifier: MIT
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "mellow/data/format_readers.h"
#include "mellow/data/series_builder.h"
#include "mellow/engine/core/error.h"

namespace mellow {

namespace {

struct ArffHeader {
  bool relational = false;  // multivariate: one quoted field with a line per dimension
  int64_t length = 0;       // numeric attributes, inside the relational one when there is one
  bool labelled = false;
  std::vector<std::string> classes;  // of the nominal attribute
};

bool is_quote(char c) { return c == '\'' || c == '"'; }

// A word up to blank, line end or one of `stops`, or a text in quotes (without them; no escapes inside).
std::string_view read_name(Scanner& s, std::string_view stops) {
  s.skip_blanks();
  if (s.at_line_end() || !is_quote(*s.at)) return s.word(stops);
  const char* open = s.at;
  const char* close = std::find(open + 1, s.line_stop(), *open);
  if (close == s.line_stop()) s.fail("a closing quote on the same line");
  s.at = close + 1;
  return {open + 1, static_cast<size_t>(close - open - 1)};
}

void read_nominal(Scanner& s, ArffHeader& header) {
  ++s.at;  // '{'
  do {
    const char* place = s.at;
    const std::string_view name = read_name(s, ",}");
    if (name.empty()) s.fail_at(place, "a class name");
    if (header.classes.size() == LabelTable::most_classes)
      s.fail_found(place, text("at most ", LabelTable::most_classes, " classes"), "more");
    header.classes.emplace_back(name);
    s.skip_blanks();
  } while (!s.at_line_end() && *s.at == ',' && ++s.at);
  if (s.at_line_end() || *s.at != '}') s.fail("',' or '}' in the class list");
  ++s.at;
  header.labelled = true;
}

class ArffHeaderReader {
 public:
  explicit ArffHeaderReader(Scanner& s) : s_(s) {}

  ArffHeader read() {
    for (bool more = true; more;) {
      s_.skip_blanks();
      if (s_.done()) s_.fail("@data");
      if (s_.at_line_end() || *s_.at == '%') {
        s_.at = s_.line_stop();
        s_.finish_line("the end of the comment");
      } else {
        more = read_declaration();
      }
    }
    if (header_.length == 0) s_.fail_found(s_.at, "numeric attributes before @data", "none");
    return header_;
  }

 private:
  // One line that starts with '@'; false after @data.
  bool read_declaration() {
    const char* place = s_.at;
    const std::string_view keyword = s_.word("");
    const auto is = [&](std::string_view name) { return equal_ignoring_case(keyword, name); };
    if (is("@relation")) {
      s_.at = s_.line_stop();
    } else if (is("@attribute")) {
      read_attribute(place);
    } else if (is("@end")) {
      if (!open_relation_ || read_name(s_, "") != *open_relation_)
        s_.fail_at(place, "@end only with the name of the relational attribute before it");
      open_relation_.reset();
    } else if (is("@data")) {
      if (open_relation_) s_.fail_at(place, text("@end ", *open_relation_, " before @data"));
    } else {
      s_.fail_at(place, "@relation, @attribute, @end, @data or a % comment");
    }
    s_.finish_line("the end of the line");
    return !is("@data");
  }

  void read_attribute(const char* place) {
    const std::string_view name = read_name(s_, "{");
    if (name.empty()) s_.fail("the name of the attribute");
    s_.skip_blanks();
    if (header_.labelled)
      s_.fail_found(place, "the class as the last attribute", text("another attribute, ", quoted(name)));
    const char* type_place = s_.at;
    if (!s_.at_line_end() && *s_.at == '{') {
      if (open_relation_) s_.fail("a numeric attribute in the relational one");
      return read_nominal(s_, header_);
    }
    const std::string_view type = s_.word("");
    const auto is = [&](std::string_view t) { return equal_ignoring_case(type, t); };
    if (is("relational")) {
      if (header_.relational || header_.length > 0)
        s_.fail_at(type_place, "one relational attribute, and no numeric ones outside it");
      header_.relational = true;
      open_relation_ = std::string(name);
    } else if (is("numeric") || is("real") || is("integer")) {
      if (header_.relational && !open_relation_)
        s_.fail_at(type_place, "only the class after the relational attribute");
      ++header_.length;
    } else {
      s_.fail_at(type_place, "numeric, real, integer, relational or a {class, list}",
                 "other kinds of attribute are not series values");
    }
  }

  Scanner& s_;
  ArffHeader header_;
  std::optional<std::string> open_relation_;
};

class ArffRows {
 public:
  ArffRows(Scanner& s, const ArffHeader& header, const ReadOptions& options)
      : s_(s), header_(header), declared_(header.classes), builder_(s, options) {}

  SeriesSet read(Tails tails) {
    while (!s_.done()) {
      s_.skip_blanks();
      if (s_.at_line_end() || *s_.at == '%') {
        s_.at = s_.line_stop();
        s_.finish_line("the end of the comment");
        continue;
      }
      if (*s_.at == '{') s_.fail("values of a dense row", "sparse rows are not read: write every value");
      read_row();
    }
    return builder_.finish(tails, 0);
  }

 private:
  void read_row() {
    int64_t dimensions = 1;
    if (header_.relational) {
      dimensions = read_relation();
    } else {
      read_values(0);
    }
    if (dimensions_ == 0) dimensions_ = dimensions;
    if (dimensions != dimensions_)
      s_.fail_found(s_.at, text(dimensions_, " dimensions as in the first row"), text(dimensions));
    if (header_.labelled) read_label();
    s_.skip_blanks();
    if (!s_.at_line_end())
      s_.fail(text("the end of the row after ", header_.length, " values",
                   header_.labelled ? " and the class" : ""),
              "the header declares one attribute per column");
    builder_.end_series(dimensions);
    s_.next_line();
  }

  // The header's number of values, separated by commas.
  void read_values(int64_t dimension) {
    for (int64_t i = 0; i < header_.length; ++i) {
      if (i > 0) {
        if (s_.at_line_end() || *s_.at != ',')
          s_.fail(text("',' and value ", i + 1, " of ", header_.length, " of dimension ", dimension + 1));
        ++s_.at;
      }
      s_.skip_blanks();
      builder_.add(s_.value());
      s_.skip_blanks();
    }
  }

  // 'v,v,v\nv,v,v': one list per dimension, separated by a backslash and an n. Returns the number of
  // dimensions.
  int64_t read_relation() {
    if (!is_quote(*s_.at)) s_.fail("a quote before the dimensions");
    const char quote = *s_.at++;
    int64_t dimensions = 0;
    for (;;) {
      read_values(dimensions++);
      if (!s_.at_line_end() && *s_.at == quote) break;
      if (s_.end - s_.at < 2 || s_.at[0] != '\\' || s_.at[1] != 'n')
        s_.fail(text("\\n or the closing quote after ", header_.length, " values of dimension ", dimensions));
      s_.at += 2;
    }
    ++s_.at;
    s_.skip_blanks();
    return dimensions;
  }

  void read_label() {
    if (s_.at_line_end() || *s_.at != ',') s_.fail("',' and the class");
    ++s_.at;
    s_.skip_blanks();
    const char* place = s_.at;
    const std::string_view label = read_name(s_, ",");
    if (label != "?" && declared_.find(label) < 0)
      s_.fail_at(place, text("one of the ", header_.classes.size(), " classes of the header"));
    builder_.add_label(label);
  }

  Scanner& s_;
  const ArffHeader& header_;
  const LabelIndex declared_;
  SeriesBuilder builder_;
  int64_t dimensions_ = 0;
};

}  // namespace

SeriesSet read_arff(Scanner& s, const ReadOptions& options) {
  const ArffHeader header = ArffHeaderReader(s).read();
  return ArffRows(s, header, options).read(options.tails);
}

}  // namespace mellow
