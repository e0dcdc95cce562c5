// SPDX-License-Identifier: MIT
#include "mellow/data/writers.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

#include "mellow/engine/core/error.h"

namespace mellow {

namespace {

void append(std::string& out, float value) {
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  char buffer[32];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

void check_class_names(const SeriesSet& set, std::string_view separators) {
  for (const auto& name : set.class_names)
    MELLOW_CHECK(!name.empty() && name.find_first_of(separators) == std::string::npos, "[write] ", set.name,
                 ": the class name \"", name,
                 "\" is empty or holds a character that separates fields in this format");
}

std::string write_delimited(const SeriesSet& set, char separator) {
  MELLOW_CHECK(set.channels == 1, "[write] ", set.name, " has ", set.channels,
               " channels: .tsv, .csv and .txt hold one, write .ts");
  check_class_names(set, " \t,\r\n");
  std::string out;
  for (int64_t i = 0; i < set.series; ++i) {
    std::string_view before;
    if (set.labelled()) {
      out += set.class_names[static_cast<size_t>(set.labels[static_cast<size_t>(i)])];
      before = {&separator, 1};
    }
    for (float v : set.row(i)) {
      out += before;
      append(out, v);
      before = {&separator, 1};
    }
    out += '\n';
  }
  return out;
}

const char* true_or_false(bool b) { return b ? "true" : "false"; }

std::string write_ts(const SeriesSet& set) {
  check_class_names(set, " \t,:()\r\n");
  const bool any_missing =
      std::any_of(set.values.begin(), set.values.end(), [](float v) { return std::isnan(v); });
  std::string out = text("@problemName ", set.name, "\n@timeStamps false\n@missing ",
                         true_or_false(any_missing), "\n@univariate ", true_or_false(set.channels == 1),
                         "\n@dimensions ", set.channels, "\n@equalLength ", true_or_false(!set.unequal),
                         "\n@seriesLength ", set.length, "\n@classLabel ", true_or_false(set.labelled()));
  if (set.labelled())
    for (const auto& name : set.class_names) out += " " + name;
  out += "\n@data\n";
  for (int64_t i = 0; i < set.series; ++i) {
    const auto row = set.row(i);
    // A case needs at least one value, so an empty series is written as one missing value.
    const int64_t steps = std::max(set.lengths[static_cast<size_t>(i)], 1);
    for (int64_t c = 0; c < set.channels; ++c) {
      if (c > 0) out += ':';
      for (int64_t t = 0; t < steps; ++t) {
        if (t > 0) out += ',';
        append(out, row[static_cast<size_t>(t * set.channels + c)]);
      }
    }
    if (set.labelled()) out += ":" + set.class_names[static_cast<size_t>(set.labels[static_cast<size_t>(i)])];
    out += '\n';
  }
  return out;
}

}  // namespace

std::string write_series(const SeriesSet& set, Format format) {
  check_consistent(set);
  switch (format) {
    case Format::tsv: return write_delimited(set, '\t');
    case Format::csv: return write_delimited(set, ',');
    case Format::txt: return write_delimited(set, ' ');
    case Format::ts: return write_ts(set);
    case Format::arff: break;
  }
  throw Error("[write] .arff is read, not written; write .ts", ErrorKind::input);
}

}  // namespace mellow
