// SPDX-License-Identifier: MIT
#include <charconv>
#include <cstring>
#include <string>
#include <vector>

#include "mellow/data/format_readers.h"
#include "mellow/data/series_builder.h"
#include "mellow/engine/core/error.h"

namespace mellow {

namespace {

// Header of a .ts file; the starting values are those of a header that says nothing.
struct TsHeader {
  bool timestamps = false, univariate = true, equal_length = true, labelled = true;
  bool missing_allowed = true;                // false only after "@missing false"
  int64_t dimensions = 0, series_length = 0;  // 0: not declared
  std::vector<std::string> classes;           // empty: not declared
  std::vector<std::string> keys;              // keys seen
};

std::string_view rest_of_line(Scanner& s) {
  s.skip_blanks();
  const char* stop = s.line_stop();
  return stop > s.at ? std::string_view(s.at, static_cast<size_t>(stop - s.at)) : std::string_view();
}

bool read_bool(Scanner& s) {
  s.skip_blanks();
  const char* place = s.at;
  const std::string_view value = s.word("");
  if (!equal_ignoring_case(value, "true") && !equal_ignoring_case(value, "false"))
    s.fail_at(place, "true or false");
  return equal_ignoring_case(value, "true");
}

int64_t read_count(Scanner& s) {
  s.skip_blanks();
  int64_t n = 0;
  const auto [after, error] = std::from_chars(s.at, s.end, n);
  if (error != std::errc{} || n < 1) s.fail("a whole number from 1");
  s.at = after;
  return n;
}

void read_class_list(Scanner& s, TsHeader& header) {
  header.labelled = read_bool(s);
  s.skip_blanks();
  if (!header.labelled) return;
  while (!s.at_line_end()) {
    if (header.classes.size() == LabelTable::most_classes)
      s.fail_found(s.at, text("at most ", LabelTable::most_classes, " classes"), "more");
    const std::string_view name = s.word("");
    header.classes.emplace_back(name);
    s.skip_blanks();
  }
  if (header.classes.empty()) s.fail("the class names after @classLabel true");
}

// One line "@key value"; s stands on '@'.
void read_header_line(Scanner& s, TsHeader& header) {
  const char* place = s.at;
  const std::string_view key = s.word("");
  const auto is = [&](std::string_view name) { return equal_ignoring_case(key.substr(1), name); };
  if (is("problemName")) {  // seen twice in genuine files, and not needed
    s.at = s.line_stop();
    return s.finish_line("the end of the line");
  }
  for (const auto& seen : header.keys)
    if (equal_ignoring_case(key, seen))
      s.fail_found(place, "every header key once", text(seen, " again"), "remove one of the lines");
  if (header.keys.size() < 64) header.keys.emplace_back(key);
  if (is("timeStamps")) {
    header.timestamps = read_bool(s);
  } else if (is("missing")) {
    header.missing_allowed = read_bool(s);
  } else if (is("univariate")) {
    header.univariate = read_bool(s);
  } else if (is("equalLength")) {
    header.equal_length = read_bool(s);
  } else if (is("dimension") || is("dimensions")) {
    header.dimensions = read_count(s);
  } else if (is("seriesLength")) {
    header.series_length = read_count(s);
  } else if (is("classLabel")) {
    read_class_list(s, header);
  } else if (is("targetLabel")) {
    if (read_bool(s))
      throw Error(text(s.file, ":", s.line, ":", place - s.line_start + 1,
                       ": expected classes, found @targetLabel true: a regression file, which mellow does "
                       "not train on"),
                  ErrorKind::input);
  } else if (is("data")) {
    s.fail_at(place, "@data alone on its line");
  } else {
    s.at = s.line_stop();  // other keys say nothing about the data
  }
  s.finish_line("the end of the header line");
}

TsHeader read_header(Scanner& s) {
  TsHeader header;
  for (;;) {
    s.skip_blanks();
    if (s.done()) s.fail("@data");
    if (s.at_line_end()) {
      s.next_line();
    } else if (*s.at == '#' || *s.at == '%') {
      s.at = s.line_stop();
      s.finish_line("the end of the comment");
    } else if (*s.at != '@') {
      s.fail("a header line that starts with @, or @data");
    } else if (equal_ignoring_case(rest_of_line(s), "@data")) {
      s.at = s.line_stop();
      s.finish_line("@data alone on its line");
      break;
    } else {
      read_header_line(s, header);
    }
  }
  if (header.univariate && header.dimensions > 1)
    s.fail_found(s.at, "one dimension after @univariate true", text("@dimensions ", header.dimensions),
                 "write @univariate false");
  return header;
}

class TsRows {
 public:
  TsRows(Scanner& s, const TsHeader& header, const ReadOptions& options)
      : s_(s),
        header_(header),
        declared_(header.classes),
        builder_(s, options),
        dimensions_(header.dimensions) {
    if (header.univariate) dimensions_ = 1;
    if (header.equal_length) length_ = header.series_length;
  }

  SeriesSet read() {
    while (!s_.done()) {
      s_.skip_blanks();
      if (!s_.at_line_end()) read_case();
      s_.skip_blanks();
      s_.next_line();
    }
    return builder_.finish(header_.equal_length ? Tails::missing : Tails::padding,
                           header_.equal_length ? 0 : header_.series_length);
  }

 private:
  void read_case() {
    const char* stop = s_.line_stop();
    const char* label = stop;
    if (header_.labelled) {
      const void* colon = ::memrchr(s_.at, ':', static_cast<size_t>(stop - s_.at));
      if (colon == nullptr)
        s_.fail_found(stop, "':' and a class label at the end of the case", "none",
                      "for a file without labels write @classLabel false");
      stop = static_cast<const char*>(colon);
      label = stop + 1;
    }
    const int64_t dimensions = read_dimensions(stop);
    if (dimensions_ == 0) dimensions_ = dimensions;
    if (dimensions != dimensions_)
      s_.fail_found(s_.at, text(dimensions_, " dimensions"), text(dimensions),
                    header_.univariate ? "write @univariate false" : "every case needs the same dimensions");
    check_length(builder_.pending() / dimensions);
    if (header_.labelled) read_label(label);
    builder_.end_series(dimensions);
  }

  // Adds the values of all dimensions up to `stop`; every dimension has the same number of them.
  int64_t read_dimensions(const char* stop) {
    int64_t dimensions = 0, steps = 0, before = 0;
    for (bool more = true; more; ++dimensions) {
      do {
        if (s_.at < stop) s_.skip_blanks();
        if (s_.at >= stop) s_.fail("a number", "a missing value is written NaN or ?");
        header_.timestamps ? read_stamped(stop) : read_plain();
        if (s_.at < stop) s_.skip_blanks();
      } while (s_.at < stop && *s_.at == ',' && ++s_.at);
      more = s_.at < stop;
      if (more && *s_.at != ':') s_.fail("',' or ':' after the value");
      const int64_t here = builder_.pending() - before;
      if (dimensions == 0) steps = here;
      if (here != steps)
        s_.fail_found(s_.at, text(steps, " values in dimension ", dimensions + 1, " as in dimension 1"),
                      text(here));
      before += here;
      if (more) ++s_.at;
    }
    return dimensions;
  }

  void read_plain() {
    const char* place = s_.at;
    if (*place == '(') s_.fail("a number", "for (time,value) pairs write @timeStamps true");
    builder_.add(s_.value());
    refuse_missing(place);
  }

  // "(time,value)": the time is anything up to the last comma, and is not used.
  void read_stamped(const char* stop) {
    if (*s_.at != '(') s_.fail("'(' of a (time,value) pair", "for plain values write @timeStamps false");
    const void* close = std::memchr(s_.at, ')', static_cast<size_t>(stop - s_.at));
    if (close == nullptr) s_.fail("a (time,value) pair with its ')'");
    const char* last = static_cast<const char*>(close);
    const void* comma = ::memrchr(s_.at, ',', static_cast<size_t>(last - s_.at));
    if (comma == nullptr || comma == s_.at + 1) s_.fail("a (time,value) pair with a time and a comma");
    s_.at = static_cast<const char*>(comma) + 1;
    s_.skip_blanks();
    const char* place = s_.at;
    builder_.add(s_.value());
    refuse_missing(place);
    s_.skip_blanks();
    if (s_.at != last) s_.fail("')' after the value");
    ++s_.at;
  }

  void refuse_missing(const char* place) const {
    if (!header_.missing_allowed && s_.saw_missing)
      s_.fail_at(place, "a number after @missing false", "write @missing true");
  }

  void check_length(int64_t steps) {
    if (!header_.equal_length) {
      if (header_.series_length > 0 && steps > header_.series_length)
        s_.fail_found(s_.at, text("at most @seriesLength ", header_.series_length, " values"), text(steps));
      return;
    }
    if (length_ == 0) length_ = steps;
    if (steps != length_)
      s_.fail_found(s_.at, text(length_, " values in every dimension (@equalLength true)"), text(steps),
                    "write @equalLength false");
  }

  void read_label(const char* place) {
    s_.at = place;
    s_.skip_blanks();
    place = s_.at;
    const std::string_view label = s_.word(",:()");
    s_.skip_blanks();
    if (!s_.at_line_end())
      s_.fail("the end of the line after the class label",
              "for a file without labels write @classLabel false");
    if (!header_.classes.empty() && declared_.find(label) < 0)
      s_.fail_at(place, text("one of the ", header_.classes.size(), " classes of @classLabel"));
    builder_.add_label(label);
  }

  Scanner& s_;
  const TsHeader& header_;
  const LabelIndex declared_;
  SeriesBuilder builder_;
  int64_t dimensions_ = 0, length_ = 0;  // 0: not known before the first case
};

}  // namespace

SeriesSet read_ts(Scanner& s, const ReadOptions& options) {
  const TsHeader header = read_header(s);
  return TsRows(s, header, options).read();
}

}  // namespace mellow
