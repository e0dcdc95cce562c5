// SPDX-License-Identifier: MIT
#include "mellow/data/readers.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <new>

#include "mellow/data/format_readers.h"
#include "mellow/data/scanner.h"
#include "mellow/engine/core/error.h"
#include "mellow/engine/io/read_file.h"

namespace mellow {

Format format_of(std::string_view path) {
  std::string ending = std::filesystem::path(path).extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  if (ending == ".tsv") return Format::tsv;
  if (ending == ".txt") return Format::txt;
  if (ending == ".csv" || ending.empty()) return Format::csv;
  if (ending == ".ts") return Format::ts;
  if (ending == ".arff") return Format::arff;
  const char* why = ending == ".tsf" ? "; .tsf holds forecasting series without classes" : "";
  throw Error(text("[read] ", path,
                   ": expected a file ending in .tsv, .txt, .csv, .ts or .arff (none means csv), found ",
                   ending, why),
              ErrorKind::input);
}

std::string dataset_name(std::string_view path) {
  std::string name = std::filesystem::path(path).stem().string();
  for (std::string_view split : {"_TRAIN", "_TEST"})
    if (name.size() > split.size() && name.ends_with(split)) name.resize(name.size() - split.size());
  return name;
}

SeriesSet read_series(std::string_view bytes, Format format, std::string_view name,
                      const ReadOptions& options) {
  try {
    Scanner scanner(bytes, name);
    SeriesSet set = format == Format::ts     ? read_ts(scanner, options)
                    : format == Format::arff ? read_arff(scanner, options)
                                             : read_delimited(scanner, options);
    set.name = dataset_name(name);
    return set;
  } catch (const std::bad_alloc&) {
    throw Error(
        text("[read] ", name, ": not enough memory for the series of a file of ", bytes.size(), " bytes"),
        ErrorKind::out_of_memory);
  }
}

SeriesSet read_series(const std::string& path, const ReadOptions& options) {
  const Format format = format_of(path);
  return read_series(path == "-" ? read_stdin() : read_file(path), format, path, options);
}

}  // namespace mellow
