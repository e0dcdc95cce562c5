// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "mellow/tools/run_many.h"

// Tables of accuracies: models by methods, over data sets and seeds (docs/soft-labels.md).
namespace mellow::tools {

// A method with its options, as a column of the table.
struct Variant {
  std::string name, method;
  std::map<std::string, std::string> options;
};

struct TrainingTable {
  TrainOptions options;  // all that the trainings share
  std::vector<std::string> datasets, models;
  std::vector<Variant> variants;
  std::vector<uint64_t> seeds;
  int64_t jobs = 0;
  std::string out;
};

// One row of the result: a model and a variant under a protocol.
struct TableRow {
  std::string model, variant, protocol;
  double accuracy = 0;        // mean over the seeds of the mean over the data sets
  double standard_error = 0;  // of that mean, from the spread over the seeds; 0 for one seed
  double rank = 0;            // mean over the data sets of its rank among the model's variants; ties share
};

// What one training scored.
struct TableScore {
  std::string dataset, model, variant, protocol;
  uint64_t seed = 0;
  double accuracy = 0;
};

// Throws when a data set, model, variant, seed or protocol is missing somewhere: means would compare unlike
// things.
std::vector<TableRow> table_rows(const std::vector<TableScore>& scores);

// Trains what is not finished in `out` yet, one folder per training, and writes runs.csv (every training and
// protocol) and table.csv; prints the table. Returns the exit code.
int run_training_table(const TrainingTable& table, const std::vector<std::string>& arguments);

}  // namespace mellow::tools
