// SPDX-License-Identifier: MIT
#include "mellow/tools/estimate/sets.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "mellow/data/dataset.h"
#include "mellow/engine/core/error.h"
#include "mellow/engine/io/csv.h"
#include "mellow/engine/io/read_file.h"
#include "mellow/tools/run_plan.h"

namespace mellow::tools {
namespace {

constexpr uint64_t largest_file = uint64_t{1} << 24;
constexpr double largest_size = 1e9;

int64_t size_at(const CsvTable& table, size_t row, const std::string& name) {
  const double value = table.number(row, table.column(name));
  if (!(value >= 1 && value <= largest_size && value == std::floor(value)))
    throw Error(fmt::format("{}: line {}: {} must be a whole number from 1 on, got {}", table.where, row + 2,
                            name, value),
                ErrorKind::input);
  return static_cast<int64_t>(value);
}

}  // namespace

std::vector<SetSize> sizes_in_file(const std::string& path) {
  const CsvTable table = parse_csv(read_file(path, largest_file), path);
  const bool channels = std::find(table.names.begin(), table.names.end(), "channels") != table.names.end();
  std::vector<SetSize> sets;
  for (size_t row = 0; row < table.rows.size(); ++row)
    sets.push_back({table.rows[row][table.column("name")], size_at(table, row, "train"),
                    size_at(table, row, "test"), size_at(table, row, "length"),
                    channels ? size_at(table, row, "channels") : 1});
  if (sets.empty()) throw Error(path + " lists no datasets", ErrorKind::input);
  return sets;
}

std::vector<SetSize> sizes_in_folder(const DataOptions& data) {
  std::vector<std::string> names;
  if (!data.dataset.empty()) {
    names = split_list("--dataset", data.dataset);
  } else {
    for (const DatasetFiles& files : list_datasets(data.folder)) names.push_back(files.name);
  }
  if (names.empty()) throw Error(data.folder + " has no datasets", ErrorKind::input);
  std::vector<SetSize> sets;
  for (const std::string& name : names) {
    const SplitPair pair = read_dataset(data.folder, name, AdjustedCopies::preferred);
    sets.push_back({name, pair.train.series, pair.test.series, pair.train.length, pair.train.channels});
  }
  return sets;
}

}  // namespace mellow::tools
