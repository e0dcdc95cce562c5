// SPDX-License-Identifier: MIT
#include <numeric>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "mellow/engine/core/error.h"
#include "mellow/tools/commands.h"
#include "mellow/tools/estimate/check.h"
#include "mellow/tools/estimate/prediction.h"
#include "mellow/tools/estimate/stopwatch.h"
#include "mellow/tools/progress.h"
#include "mellow/tools/run_many.h"
#include "mellow/tools/run_record.h"
#include "mellow/tools/wrap.h"

namespace mellow::tools {
namespace {

struct EstimateOptions : EstimatePlan {
  bool json = false, check = false, quiet = false;
};

double hours(const std::vector<double>& seconds) {
  return std::accumulate(seconds.begin(), seconds.end(), 0.0) / 3600;
}

// Hours of one training after another, all methods.
struct Row {
  std::string name;
  double training = 0, evaluation = 0, fit_error = 0;
  double total() const { return training + evaluation; }
};

std::vector<Row> rows_of(const EstimatePlan& plan, const Prediction& p) {
  const auto methods = static_cast<double>(plan.methods);
  std::vector<Row> rows;
  for (const ModelSeconds& m : p.models)
    rows.push_back({m.model, methods * hours(m.training), methods * hours(m.evaluation),
                    std::max(m.costs.training.fit_error, m.costs.evaluation.fit_error)});
  rows.push_back({"ts2vec", hours(p.pretraining), 0,
                  std::max(p.encoder.pretraining.fit_error, p.encoder.encoding.fit_error)});
  return rows;
}

double total_of(const std::vector<Row>& rows) {
  return std::accumulate(rows.begin(), rows.end(), 0.0,
                         [](double sum, const Row& row) { return sum + row.total(); });
}

std::string assumptions(const Context& context, int64_t jobs) {
  return fmt::format(
      "Assumed: all methods cost what hard labels cost; TS2Vec is trained once per dataset and kept; {} at a "
      "time do not slow each other down; nothing else uses the device. Not counted: reading files, teachers. "
      "Measured in seconds of {}.",
      jobs == 1 ? "one training" : fmt::format("{} trainings", jobs),
      Stopwatch::counts_cpu_time(context) ? "CPU time" : "the clock");
}

void print_table(const EstimatePlan& plan, const Prediction& p, const Context& context, int64_t jobs) {
  const auto rows = rows_of(plan, p);
  fmt::print("{}, {}, {} CPU thread{} per training, {} at a time\n", device_description(context),
             name_of(context.precision()), context.threads(), context.threads() == 1 ? "" : "s", jobs);
  fmt::print("{} datasets, {} models, {} methods, {} epochs, batch {}, test set every {} epochs\n\n",
             p.sets.size(), p.models.size(), plan.methods, plan.epochs, plan.batch_size, plan.evaluate_every);
  fmt::print("{:<17}{:>12}{:>12}{:>12}{:>10}\n", "hours", "training", "evaluation", "together", "fit");
  for (const Row& row : rows)
    fmt::print("{:<17}{:>12.4g}{:>12.4g}{:>12.4g}{:>8.0f} %\n", row.name, row.training, row.evaluation,
               row.total(), row.fit_error * 100);
  const double total = total_of(rows);
  fmt::print("{:<17}{:>36.4g}\n", "one at a time", total);
  if (jobs > 1)
    fmt::print("{:<17}{:>36.4g}\n", fmt::format("{} at a time", jobs), total / static_cast<double>(jobs));
  fmt::print("\nfit: largest error of the costs at the shapes measured.\n{}\n",
             wrapped(assumptions(context, jobs), 0, 0));
}

Json json_of(const EstimatePlan& plan, const Prediction& p, const Context& context, int64_t jobs) {
  const auto rows = rows_of(plan, p);
  Json models = Json::object(), sets = Json::array();
  for (const Row& row : rows)
    models[row.name] = {
        {"training_hours", row.training}, {"evaluation_hours", row.evaluation}, {"fit_error", row.fit_error}};
  for (size_t s = 0; s < p.sets.size(); ++s) {
    double seconds = p.pretraining[s];
    for (const ModelSeconds& m : p.models)
      seconds += static_cast<double>(plan.methods) * (m.training[s] + m.evaluation[s]);
    const SetSize& set = p.sets[s];
    sets.push_back({{"name", set.name},
                    {"train_series", set.train},
                    {"test_series", set.test},
                    {"length", set.length},
                    {"channels", set.channels},
                    {"hours", seconds / 3600}});
  }
  return {{"device", device_description(context)},
          {"precision", name_of(context.precision())},
          {"threads", context.threads()},
          {"jobs", jobs},
          {"methods", plan.methods},
          {"epochs", plan.epochs},
          {"batch_size", plan.batch_size},
          {"evaluate_every", plan.evaluate_every},
          {"assumptions", assumptions(context, jobs)},
          {"models", models},
          {"datasets", sets},
          {"hours_one_at_a_time", total_of(rows)},
          {"hours", total_of(rows) / static_cast<double>(jobs)}};
}

int estimate(EstimateOptions o, const std::vector<std::string>& arguments) {
  if (!o.sets.empty() && !o.data.folder.empty()) throw Error("--sets and --data exclude each other");
  if (o.data.folder.empty() && !o.data.dataset.empty()) throw Error("--dataset needs --data DIR");
  if (o.check && o.data.folder.empty())
    throw Error("--check trains on real series: it needs --data DIR, and --dataset A,B,… for some of them");
  if (o.check && o.json) throw Error("--check prints a table: it has no --json");
  Progress progress(o.quiet);
  const Shares shares = shares_of(o.device, std::numeric_limits<int64_t>::max(), o.jobs);
  o.device.threads = shares.threads;
  const auto context = make_context(o.device, progress);
  const Prediction prediction = predict_table(o, *context, progress);
  if (o.check) return check_prediction(prediction, o, *context, progress, arguments);
  if (o.json) {
    fmt::print("{}\n", json_of(o, prediction, *context, shares.jobs).dump(2));
  } else {
    print_table(o, prediction, *context, shares.jobs);
  }
  return 0;
}

}  // namespace

Run estimate_command(CLI::App& command) {
  const auto o = std::make_shared<EstimateOptions>();
  command.add_option("--models", o->models, "names with commas between")->type_name("LIST");
  add_count(command, "--methods", o->methods, 1, "how many methods each model is trained with");
  add_count(command, "--epochs", o->epochs, 1, "passes over the training set");
  add_count(command, "--batch-size", o->batch_size, 1, "series per step");
  add_count(command, "--evaluate-every", o->evaluate_every, 1, "epochs");
  add_count(command, "--jobs", o->jobs, 0, "trainings at once; 0: one per thread (CPU), one (CUDA)");
  command.add_option("--sets", o->sets, "CSV: name,train,test,length[,channels]; default the UCR archive")
      ->type_name("FILE");
  command.add_option("--data", o->data.folder, "sizes of the datasets of this folder")->type_name("DIR");
  command.add_option("--dataset", o->data.dataset, "some of them, with commas between")->type_name("LIST");
  add_count(command, "--iterations", o->encoder.iterations, 0, "of TS2Vec; 0: 200 or 600, by size");
  command.add_flag("--check", o->check, "train it with hard labels; compare; exit 1 beyond 20 %");
  command.add_flag("--json", o->json, "all figures, by dataset, too");
  command.add_flag("--quiet", o->quiet, "no progress on stderr");
  add_device_options(command, o->device);
  return [o](const std::vector<std::string>& arguments) { return estimate(*o, arguments); };
}

}  // namespace mellow::tools
