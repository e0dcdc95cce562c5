// SPDX-License-Identifier: MIT
#include "mellow/data/format_readers.h"
#include "mellow/data/series_builder.h"
#include "mellow/engine/core/error.h"

namespace mellow {

namespace {

// Steps over one separator: a tab or a comma with spaces around it, or spaces alone. False at the end of the
// row.
bool separator(Scanner& s) {
  const char* first = s.at;
  s.skip_spaces();
  if (s.at_line_end()) return false;
  if (*s.at != '\t' && *s.at != ',') {
    if (s.at == first) s.fail("a tab, comma or blank after the value");
    return true;
  }
  const bool comma = *s.at++ == ',';
  s.skip_spaces();
  if (s.at_line_end() && !comma) return false;  // a trailing tab is a trailing blank
  return true;
}

}  // namespace

SeriesSet read_delimited(Scanner& s, const ReadOptions& options) {
  SeriesBuilder builder(s, options);
  int64_t columns = 0, first_line = 0;
  while (!s.done()) {
    s.skip_blanks();
    if (s.at_line_end()) {
      s.next_line();
      continue;
    }
    const char* row = s.at;
    if (options.label_column) {
      builder.add_label(s.word(","));
      if (!separator(s)) s.fail("values after the label");
    }
    do builder.add(s.value());
    while (separator(s));
    if (columns == 0) {
      columns = builder.pending();
      first_line = s.line;
    }
    if (builder.pending() != columns)
      s.fail_found(builder.pending() > columns ? row : s.at, text(columns, " values as in line ", first_line),
                   text(builder.pending(), " values"), "fill short series up with NaN");
    builder.end_series(1);
    s.next_line();
  }
  return builder.finish(options.tails, 0);
}

}  // namespace mellow
