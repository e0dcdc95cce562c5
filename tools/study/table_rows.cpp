// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "mellow/engine/core/error.h"
#include "mellow/engine/train/average_ranks.h"
#include "mellow/tools/study/training_table.h"

namespace mellow::tools {
namespace {

// The values of one field, in the order they come.
template <class T>
std::vector<T> distinct(const std::vector<TableScore>& scores, T TableScore::*field) {
  std::vector<T> values;
  for (const TableScore& s : scores)
    if (std::find(values.begin(), values.end(), s.*field) == values.end()) values.push_back(s.*field);
  return values;
}

using Cell = std::tuple<std::string, std::string, std::string, std::string, uint64_t>;

std::map<Cell, double> cells_of(const std::vector<TableScore>& scores) {
  std::map<Cell, double> cells;
  for (const TableScore& s : scores)
    if (!cells.emplace(Cell{s.dataset, s.model, s.variant, s.protocol, s.seed}, s.accuracy).second)
      throw Error(
          fmt::format("[table] {}, {}, {}, seed {} is there twice", s.dataset, s.model, s.variant, s.seed));
  return cells;
}

// Mean of values, and the standard error of that mean.
std::pair<double, double> mean_and_error(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  double mean = 0, squares = 0;
  for (const double v : values) mean += v / n;
  for (const double v : values) squares += (v - mean) * (v - mean);
  return {mean, n > 1 ? std::sqrt(squares / (n - 1) / n) : 0};
}

}  // namespace

std::vector<TableRow> table_rows(const std::vector<TableScore>& scores) {
  const auto cells = cells_of(scores);
  const auto datasets = distinct(scores, &TableScore::dataset),
             variants = distinct(scores, &TableScore::variant);
  const auto seeds = distinct(scores, &TableScore::seed);
  const auto accuracy = [&](const auto& dataset, const auto& model, const auto& variant, const auto& protocol,
                            uint64_t seed) {
    const auto cell = cells.find({dataset, model, variant, protocol, seed});
    if (cell == cells.end())
      throw Error(fmt::format("[table] {}, {}, {}, seed {} has no result under {}", dataset, model, variant,
                              seed, protocol));
    return cell->second;
  };
  std::vector<TableRow> rows;
  for (const auto& protocol : distinct(scores, &TableScore::protocol))
    for (const auto& model : distinct(scores, &TableScore::model)) {
      std::vector<double> by_dataset;  // [datasets, variants], means over the seeds
      for (const auto& dataset : datasets)
        for (const auto& variant : variants) {
          double mean = 0;
          for (const uint64_t seed : seeds)
            mean += accuracy(dataset, model, variant, protocol, seed) / static_cast<double>(seeds.size());
          by_dataset.push_back(mean);
        }
      const auto ranks = average_ranks(by_dataset, static_cast<int64_t>(variants.size()));
      for (size_t v = 0; v < variants.size(); ++v) {
        std::vector<double> by_seed;
        for (const uint64_t seed : seeds) {
          double mean = 0;
          for (const auto& dataset : datasets)
            mean +=
                accuracy(dataset, model, variants[v], protocol, seed) / static_cast<double>(datasets.size());
          by_seed.push_back(mean);
        }
        const auto [mean, error] = mean_and_error(by_seed);
        rows.push_back({model, variants[v], protocol, mean, error, ranks[v]});
      }
    }
  return rows;
}

}  // namespace mellow::tools
