// SPDX-License-Identifier: MIT
#include "mellow/tools/study/training_table.h"

#include <filesystem>

#include <fmt/format.h>

#include "mellow/engine/core/error.h"
#include "mellow/engine/io/atomic_file.h"
#include "mellow/engine/io/csv.h"
#include "mellow/tools/interrupt.h"
#include "mellow/tools/progress.h"

namespace mellow::tools {
namespace {

struct Planned {
  std::vector<PlannedRun> runs;
  std::vector<std::string> variants;  // of each run
};

// Seeds outermost: when the study is stopped after some, every cell has as many.
Planned plan_of(const TrainingTable& t) {
  Planned plan;
  for (const uint64_t seed : t.seeds)
    for (const auto& dataset : t.datasets)
      for (const auto& model : t.models)
        for (const Variant& variant : t.variants) {
          TrainOptions o = t.options;
          o.seed = seed;
          o.data.dataset = dataset;
          o.model = model;
          o.method = variant.method;
          o.method_options = variant.options;
          o.out = fmt::format("{}/{}-{}-{}-s{}", t.out, dataset, model, variant.name, seed);
          o.resume = true;
          plan.runs.push_back({o, checked_options(find_method(o.method), model, variant.options)});
          plan.variants.push_back(variant.name);
        }
  return plan;
}

std::vector<TableScore> scores_of(const Planned& plan, const std::vector<Outcome>& outcomes) {
  std::vector<TableScore> scores;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    const TrainOptions& o = plan.runs[i].options;
    for (const RunScores& s : outcomes[i].summary().scores)
      scores.push_back({o.data.dataset, o.model, plan.variants[i], s.protocol, o.seed, s.accuracy});
  }
  return scores;
}

std::string runs_csv(const std::vector<TableScore>& scores) {
  std::string csv = "dataset,model,method,seed,protocol,accuracy\n";
  for (const TableScore& s : scores)
    csv += CsvRow()
               .add(s.dataset)
               .add(s.model)
               .add(s.variant)
               .add(s.seed)
               .add(s.protocol)
               .add(s.accuracy)
               .text() +
           '\n';
  return csv;
}

std::string table_csv(const std::vector<TableRow>& rows) {
  std::string csv = "protocol,model,method,accuracy,standard_error,average_rank\n";
  for (const TableRow& r : rows)
    csv += CsvRow()
               .add(r.protocol)
               .add(r.model)
               .add(r.variant)
               .add(r.accuracy)
               .add(r.standard_error)
               .add(r.rank)
               .text() +
           '\n';
  return csv;
}

void print_table(const std::vector<TableRow>& rows) {
  std::string protocol;
  for (const TableRow& r : rows) {
    if (r.protocol != protocol) {
      protocol = r.protocol;
      fmt::print("\n{}{}\n{:<18}{:<18}{:>9}{:>8}{:>7}\n", protocol,
                 protocol == "best_test_at_5" ? " (chosen on test data)" : "", "model", "method", "accuracy",
                 "+-", "rank");
    }
    fmt::print("{:<18}{:<18}{:>9.4f}{:>8.4f}{:>7.2f}\n", r.model, r.variant, r.accuracy, r.standard_error,
               r.rank);
  }
}

// What only resuming needs, of a finished run.
void drop_checkpoints(const std::vector<PlannedRun>& runs) {
  std::error_code ignored;
  for (const PlannedRun& run : runs)
    std::filesystem::remove(run.options.out + "/checkpoint.safetensors", ignored);
}

}  // namespace

int run_training_table(const TrainingTable& table, const std::vector<std::string>& arguments) {
  const Planned plan = plan_of(table);
  Progress progress(table.options.quiet);
  Interrupt interrupt;
  try {
    const auto outcomes = run_many(plan.runs, table.jobs, progress, interrupt, arguments);
    for (const Outcome& outcome : outcomes)
      if (!outcome.run) throw Error("a training failed: " + outcome.error, ErrorKind::device);
    const auto scores = scores_of(plan, outcomes);
    const auto rows = table_rows(scores);
    write_file_atomically(table.out + "/runs.csv", runs_csv(scores));
    write_file_atomically(table.out + "/table.csv", table_csv(rows));
    drop_checkpoints(plan.runs);
    print_table(rows);
    fmt::print("\n{}\n", table.out);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::cancelled) throw;
    fmt::print(stderr, "interrupted; the same command goes on\n");
    return interrupt.exit_code();
  }
  return 0;
}

}  // namespace mellow::tools
