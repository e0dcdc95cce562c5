// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mellow/data/series.h"

// Reads series from the file formats of the UCR and UEA archives; docs/formats.md has the grammars.
// A file that is not exactly right is refused with mellow::Error (ErrorKind::input):
// "file:line:column: expected <this>, found <that> (<fix>)".
namespace mellow {

enum class Format { tsv, txt, csv, ts, arff };

// What NaN values at the end of a series mean in a format that does not say (.tsv, .txt, .csv, .arff).
enum class Tails {
  infer,    // padding, unless NaN also stands before a value somewhere in the file
  padding,  // the series is shorter
  missing   // the length is fixed and the values are missing
};

struct ReadOptions {
  bool label_column = true;  // .tsv, .txt, .csv: the first column is the label. .ts and .arff say themselves
  const std::vector<std::string>* classes = nullptr;  // class names to use; a label outside is an error
  Tails tails = Tails::infer;
};

// The format by file ending; no ending means csv (UCR 2015). Throws for endings that are not read, with the
// reason.
Format format_of(std::string_view path);

// Reads a whole file; "-" is standard input, as csv. Throws as read_file() does (engine/io/read_file.h).
SeriesSet read_series(const std::string& path, const ReadOptions& options = {});

// Reads text in memory; `name` stands in error messages.
SeriesSet read_series(std::string_view bytes, Format format, std::string_view name,
                      const ReadOptions& options = {});

// "x/GunPoint_TRAIN.tsv" -> "GunPoint".
std::string dataset_name(std::string_view path);

}  // namespace mellow
