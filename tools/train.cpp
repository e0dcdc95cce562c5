// SPDX-License-Identifier: MIT
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "mellow/engine/core/error.h"
#include "mellow/engine/io/atomic_file.h"
#include "mellow/tools/commands.h"
#include "mellow/tools/ensemble.h"
#include "mellow/tools/interrupt.h"
#include "mellow/tools/progress.h"
#include "mellow/tools/run_many.h"
#include "mellow/tools/run_plan.h"
#include "mellow/tools/summary.h"

namespace mellow::tools {
namespace {

void print_results(const Json& record, const std::string& path) {
  const auto& options = record.at("options");
  const int64_t members = record.value("members", int64_t{1});
  fmt::print("{}, {}, {}, seed {}{}: {} epochs in {}\n", record.at("data").at("name").get<std::string>(),
             options.at("model").get<std::string>(), options.at("method").get<std::string>(),
             options.at("seed").get<uint64_t>(), members > 1 ? fmt::format(", {} networks", members) : "",
             options.at("epochs").get<int64_t>(), duration_text(record.at("seconds").get<double>()));
  fmt::print("{:<17}{:>6}{:>10}{:>9}{:>9}\n", "protocol", "epoch", "accuracy", "NLL", "ECE");
  for (const auto& [name, result] : record.at("results").items()) {
    const std::string remark = result.contains("selected_on_test") ? "  chosen on test data"
                               : members > 1                       ? "  of the averaged probabilities"
                               : name == record.at("selected")     ? "  saved in model.safetensors"
                                                                   : "";
    fmt::print("{:<17}{:>6}{:>10.4f}{:>9.4f}{:>9.4f}{}\n", name, result.value("epoch", Json("-")).dump(),
               result.at("accuracy").get<double>(), result.at("nll").get<double>(),
               result.at("ece").get<double>(), remark);
  }
  fmt::print("{}\n", path);
}

// The command to go on with, for the shell.
std::string resume_command(const std::vector<std::string>& arguments) {
  std::string line = "mellow";
  bool resumes = false;
  for (const std::string& word : arguments) {
    if (word == "--overwrite") continue;
    resumes = resumes || word == "--resume";
    const bool plain = !word.empty() && word.find_first_not_of(
                                            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                            "0123456789_-+=:,./@%") == std::string::npos;
    if (plain) {
      line += ' ' + word;
      continue;
    }
    std::string quoted;
    for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    line += " '" + quoted + '\'';
  }
  return resumes ? line : line + " --resume";
}

// One line per run; returns how many failed.
int print_outcomes(const std::vector<PlannedRun>& plan, const std::vector<Outcome>& outcomes) {
  int failed = 0;
  fmt::print("{:<24} {:<17} {:<17} {:>4}  {:<16}{:>9}{:>9}{:>9}\n", "dataset", "model", "method", "seed",
             "protocol", "accuracy", "NLL", "ECE");
  for (size_t i = 0; i < plan.size(); ++i) {
    const TrainOptions& o = plan[i].options;
    fmt::print("{:<24} {:<17} {:<17} {:>4}  ", o.data.dataset, o.model, o.method, o.seed);
    if (!outcomes[i].run) {
      ++failed;
      fmt::print("failed: {}\n", outcomes[i].error);
      continue;
    }
    const Json& record = outcomes[i].run->record;
    const auto selected = record.at("selected").get<std::string>();
    const Json& scores = record.at("results").at(selected);
    fmt::print("{:<16}{:>9.4f}{:>9.4f}{:>9.4f}\n", selected, scores.at("accuracy").get<double>(),
               scores.at("nll").get<double>(), scores.at("ece").get<double>());
  }
  return failed;
}

int train_all(const TrainOptions& o, const std::vector<PlannedRun>& plan, Progress& progress,
              Interrupt& interrupt, const std::vector<std::string>& arguments) {
  if (plan.size() > 1 && o.ensemble == 1) {
    const auto outcomes = run_many(plan, o.jobs, progress, interrupt, arguments);
    write_file_atomically(runs_folder(o) + "/summary.csv", summary_csv(plan, outcomes));
    return print_outcomes(plan, outcomes) > 0 ? 1 : 0;
  }
  for (const PlannedRun& run : plan) {
    const FinishedRun done = o.ensemble > 1
                                 ? run_ensemble(run, o.ensemble, o.jobs, progress, interrupt, arguments)
                                 : run_one(run, progress, interrupt, arguments);
    if (!done.already) print_results(done.record, done.path);
  }
  return 0;
}

int train(const TrainOptions& o, const std::vector<std::string>& arguments) {
  if (o.resume && o.overwrite) throw Error("--resume and --overwrite exclude each other");
  const auto plan = plan_runs(o);
  Progress progress(o.quiet);
  Interrupt interrupt;
  try {
    return train_all(o, plan, progress, interrupt, arguments);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::cancelled) throw;
    fmt::print(stderr, "interrupted; go on with: {}\n", resume_command(arguments));
    return interrupt.exit_code();
  }
}

}  // namespace

Run train_command(CLI::App& command) {
  const auto options = std::make_shared<TrainOptions>();
  add_train_options(command, *options);
  return [options](const std::vector<std::string>& arguments) {
    if (options->list_methods) print_methods();
    if (options->list_models) print_models();
    return options->list_methods || options->list_models ? 0 : train(*options, arguments);
  };
}

}  // namespace mellow::tools
